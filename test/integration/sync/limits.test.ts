// What an end that lies can make the other keep: bounded, whatever it says.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { WebSocket, WebSocketServer } from 'ws';
import { afterEach, describe, expect, it } from 'vitest';
import { openHub } from '../../../src/sync/hub/hub.ts';
import { hubLedgerEntriesIn } from '../../../src/sync/hub/ledger-in.ts';
import { memberRates, openMemberRate } from '../../../src/sync/hub/member-rate.ts';
import { openBlobFolder } from '../../../src/sync/protocol/blob-folder.ts';
import { closeCodes, openChannel } from '../../../src/sync/protocol/channel.ts';
import { encodeChunk } from '../../../src/sync/protocol/chunk-frame.ts';
import { createDeviceKeys, type DeviceKeys, signatureOf } from '../../../src/sync/protocol/device-keys.ts';
import { openFrameQueue } from '../../../src/sync/protocol/frame-queue.ts';
import { wireLimits } from '../../../src/sync/protocol/limits.ts';
import { createMessageSeal } from '../../../src/sync/protocol/message-seal.ts';
import { fromSiteSchema } from '../../../src/sync/protocol/messages.ts';
import { signStatement } from '../../../src/sync/protocol/statement.ts';
import { benchLimits } from '../../../src/sync/site/bench-limits.ts';
import { readMembershipState } from '../../../src/sync/site/membership-file.ts';
import { openBench, practiceProject, practiceWork, until, weightsOf } from './federation-fixture.ts';
import { rawModel, rawSite, rawUpdate, type RawSite } from './raw-site.ts';
import { untrueHub } from './untrue-hub.ts';

const bench = openBench();
afterEach(() => bench.close());

const project = practiceProject({ rule: { bufferSize: 3 }, commits: 100 });
const openPracticeHub = async (folder = bench.folder()) =>
  bench.keep(await openHub({ folder, port: 0, project, initialWeights: weightsOf(0) }));
const cardOf = (keys: DeviceKeys, site: string) =>
  signStatement('site-card', { site, publicKey: keys.publicKey, boxPublicKey: keys.boxPublicKey }, keys);

it('who asks for a blob from beyond its end is refused with the reason', async () => {
  const hub = await openPracticeHub();
  const site = bench.keep(await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Lyon' }));
  const hash = createHash('sha256').update(weightsOf(0)).digest('hex');
  const transfer = '0'.repeat(32);
  await expect(
    site.channel.ask({ kind: 'get-begin', hash, offset: weightsOf(0).length + 1, transfer }),
  ).rejects.toMatchObject({ code: 416, retry: 'never' });
  expect(await site.channel.ask({ kind: 'get-begin', hash, offset: weightsOf(0).length, transfer })).toMatchObject({
    kind: 'sending',
  });
});

/** A site whose hub is gone; in its place is one that says whatever the test says. */
async function siteOfAnUntrueHub() {
  const folder = bench.folder();
  const hub = await openHub({ folder, port: 0, project, initialWeights: weightsOf(0) });
  const site = await bench.site('Lyon', practiceWork({ step: 1 }));
  await site.join(await hub.createInvite());
  await until('the project is announced', () => site.memberships()[0]?.project);
  const { port, fingerprint } = hub;
  await hub.close();
  const untrue = bench.keep(await untrueHub({ folder, fingerprint, port }));
  const line = await untrue.nextSite();
  const federations = path.join(site.folder, 'federations');
  const stored = () => readMembershipState(path.join(federations, readdirSync(federations)[0]!))!;
  return { site, line, stored };
}

describe('a hub that names devices without end', () => {
  it('makes a site know no more members than a federation has, and forget the strangers of before', async () => {
    const { line, stored } = await siteOfAnUntrueHub();
    const rounds = 4;
    for (let round = 0; round < rounds; round += 1) {
      const changed = Array.from({ length: wireLimits.members }, (_, index) => {
        const card = cardOf(createDeviceKeys(), `Site ${round}-${index}`);
        return { card, online: true, updates: 0, lastSeen: null };
      });
      // The first half in the place of all before, the rest beside them.
      line.say({ kind: 'members-changed', members: changed.slice(0, 600) });
      line.say({ kind: 'members-updated', changed: changed.slice(600), gone: [] });
      line.say({
        kind: 'members-updated',
        changed: changed.slice(0, 600).map((one) => ({ ...one, updates: 1 })),
        gone: [],
      });
    }
    await until(
      'the last of them are known',
      () => Object.values(stored().cards).some(({ statement }) => statement.includes(`Site ${rounds - 1}-999`)),
      60_000,
    );
    const { cards, memberFingerprints } = stored();
    expect(memberFingerprints).toHaveLength(wireLimits.members);
    expect(Object.keys(cards)).toHaveLength(benchLimits.cards);
    expect(memberFingerprints.every((fingerprint) => cards[fingerprint] !== undefined)).toBe(true);
  }, 120_000);

  it('and models with statements as long as they may be: few of them are kept', async () => {
    const { site, line, stored } = await siteOfAnUntrueHub();
    const { project: announced } = stored();
    const author = bench.keep(await rawSiteLike());
    for (let sequence = 1; sequence <= 24; sequence += 1) {
      const keys = createDeviceKeys();
      const { statement } = rawModel({ ...author, keys } as RawSite, announced!.project, { site: 'invented' });
      const padded = JSON.stringify({ ...(JSON.parse(statement.statement) as object), padding: 'x'.repeat(500_000) });
      line.say({ kind: 'model-available', sequence, model: { ...statement, statement: padded }, sealedKey: 'k' });
    }
    await until('it has heard of the last', () => stored().lastModelSequence === 24, 60_000);
    const kept = stored().announced.reduce((sum, { model }) => sum + model.statement.length, 0);
    expect(kept).toBeLessThanOrEqual(benchLimits.announcedCharacters);
    expect(stored().announced.length).toBeGreaterThan(10);
    expect(site.memberships()[0]!.state).not.toBe('refused');
  }, 120_000);
});

/** Of a raw site only what makes models: its blobs. */
async function rawSiteLike() {
  const blobs = openBlobFolder(bench.folder());
  return { blobs, close: () => blobs.close() };
}

describe('a member that brings bytes and never offers them', () => {
  const filesIn = (folder: string, part: string): string[] => {
    const place = path.join(folder, 'blobs', part);
    return readdirSync(place, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => name);
  };
  const kept = 2 * wireLimits.transfers;

  it('begun and left lying: the oldest give way, and the newest goes on where it was', async () => {
    const folder = bench.folder();
    const hub = await openPracticeHub(folder);
    const order = { invite: await hub.createInvite(), folder: bench.folder(), name: 'Lyon' };
    let site = await rawSite(order);
    const bytes = weightsOf(1);
    let last = '';
    for (let turn = 0; turn < 24; turn += 1) {
      if (turn > 0 && turn % wireLimits.transfers === 0) {
        site.line.socket.terminate();
        await site.channel.ended;
        await site.blobs.close();
        site = await rawSite({ ...order, keys: site.keys, isEnrolled: true });
      }
      last = createHash('sha256').update(`blob ${turn}`).digest('hex');
      const begun = await site.channel.ask({ kind: 'put-begin', hash: last, bytes: bytes.length });
      if (begun.kind !== 'have') throw new Error('no answer');
      site.line.socket.send(encodeChunk({ transfer: begun.transfer, offset: 0, payload: bytes.subarray(0, 10) }));
    }
    await until('the last has arrived', () => filesIn(folder, 'unfinished').includes(last));
    expect(filesIn(folder, 'unfinished').length).toBeLessThanOrEqual(kept);
    await site.close();
    const again = bench.keep(await rawSite({ ...order, keys: site.keys, isEnrolled: true }));
    const begun = await again.channel.ask({ kind: 'put-begin', hash: last, bytes: bytes.length });
    expect(begun).toMatchObject({ kind: 'have', offset: 10 });
  }, 60_000);

  it('whole: the oldest go, and an update that was offered stays and is counted', async () => {
    const folder = bench.folder();
    const hub = await openPracticeHub(folder);
    const site = bench.keep(await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Lyon' }));
    const offer = async (value: number): Promise<string> => {
      const { blob, signed } = rawUpdate(site, project, weightsOf(value));
      await site.channel.putBlob(blob);
      await site.channel.ask({ kind: 'update-offered', update: signed });
      return blob;
    };
    const offered = await offer(1);
    for (let turn = 0; turn < 24; turn += 1) await site.channel.putBlob(site.blobs.put(weightsOf(100 + turn)));
    const stored = filesIn(folder, '.').filter((name) => /^[0-9a-f]{64}$/.test(name));
    expect(stored).toContain(offered);
    // The trunk and the offered one beside those that are kept.
    expect(stored.length).toBeLessThanOrEqual(kept + 2);
    for (const value of [2, 3]) await offer(value);
    expect(await hub.status()).toMatchObject({ trunkVersion: 1, acceptedUpdates: 3 });
  }, 60_000);
});

describe('a site with a name that would forge a line of a log', () => {
  it.each(['Lyon\n2026-11-29 the hub was told to stop', 'Lyon\u001b[2J', 'Ly\u200bon', 'Ly\u2028on', '\u202enoyL'])(
    'is not let in: %j',
    async (name) => {
      const hub = await openPracticeHub();
      const site = rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name });
      await expect(site).rejects.toMatchObject({ code: 400 });
      expect((await hub.status()).members).toEqual([]);
    },
  );

  it('others are, in any script', async () => {
    const hub = await openPracticeHub();
    for (const name of ['Hôpital Saint-Louis (Paris 10ᵉ)', '東京大学病院', 'مستشفى', 'St. Mary’s & All Saints #2'])
      bench.keep(await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name }));
    expect((await hub.status()).members).toHaveLength(4);
  });
});

describe('an end that asks more than is answered', () => {
  it('is closed as flooding once so many of its questions wait', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', maxPayload: wireLimits.frameBytes });
    await new Promise((resolve) => server.once('listening', resolve));
    bench.keep({ close: async () => server.close() });
    const keys = { in: Buffer.alloc(32, 1), out: Buffer.alloc(32, 2) };
    const blobs = bench.keep(openBlobFolder(bench.folder()));
    let received = 0;
    server.on('connection', (socket) => {
      openChannel({
        socket,
        frames: openFrameQueue(socket, { frames: 8, bytes: wireLimits.frameBytes }),
        seal: createMessageSeal(keys.out, keys.in),
        incoming: fromSiteSchema,
        blobs,
        mayReceive: () => {},
        maySend: () => {},
        // A disk that does not answer.
        receive: () => {
          received += 1;
          return new Promise(() => {});
        },
      });
    });
    const { port } = server.address() as { port: number };
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    await new Promise((resolve) => socket.once('open', resolve));
    const seal = createMessageSeal(keys.in, keys.out);
    for (let id = 1; id <= 2 * wireLimits.unanswered; id += 1)
      socket.send(seal.seal(JSON.stringify({ kind: 'leave', id })));
    expect(await closed).toBe(closeCodes.flooding);
    expect(received).toBe(wireLimits.unanswered);
  });
});

describe('an end that asks and does not read the answers', () => {
  it('is cut off once so much is unread, and so is one that answers no ping with its own word', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', maxPayload: wireLimits.frameBytes });
    await new Promise((resolve) => server.once('listening', resolve));
    bench.keep({ close: async () => server.close() });
    const keys = { in: Buffer.alloc(32, 1), out: Buffer.alloc(32, 2) };
    const blobs = bench.keep(openBlobFolder(bench.folder()));
    const ends: Promise<unknown>[] = [];
    let mostUnread = 0;
    const long = { statement: 'x'.repeat(200_000), signature: 'A'.repeat(86) };
    server.on('connection', (socket) => {
      const channel = openChannel({
        socket,
        frames: openFrameQueue(socket, { frames: 8, bytes: wireLimits.frameBytes }),
        seal: createMessageSeal(keys.out, keys.in),
        incoming: fromSiteSchema,
        blobs,
        mayReceive: () => {},
        maySend: () => {},
        receive: () => {
          mostUnread = Math.max(mostUnread, socket.bufferedAmount);
          return { kind: 'heads-witnessed', witness: null, remembered: null, head: long };
        },
        pingMs: 100,
      });
      ends.push(channel.ended);
    });
    const { port } = server.address() as { port: number };
    const come = async (autoPong: boolean): Promise<WebSocket> => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false, autoPong });
      bench.keep({ close: async () => socket.terminate() });
      await new Promise((resolve) => socket.once('open', resolve));
      return socket;
    };
    const asking = await come(true);
    const seal = createMessageSeal(keys.in, keys.out);
    asking.pause();
    for (let id = 1; id <= 200; id += 1) {
      asking.send(seal.seal(JSON.stringify({ kind: 'leave', id })));
      if (id % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await until('it is cut off', () => ends.length > 0);
    await ends[0];
    expect(mostUnread).toBeLessThanOrEqual(wireLimits.unreadBytes + 300_000);

    const chattering = await come(false);
    const chatter = setInterval(() => chattering.pong('still here'), 20);
    await until('the other is there', () => ends.length > 1);
    await expect(ends[1]).resolves.toMatchObject({ code: 408 });
    clearInterval(chatter);
  }, 60_000);
});

describe('what a member makes the hub write down', () => {
  it('is so much within ten minutes, and then again', () => {
    let now = 1_000;
    const may = openMemberRate(2, () => now);
    expect([may('lyon'), may('lyon'), may('lyon'), may('oslo')]).toEqual([true, true, false, true]);
    now += 10 * 60_000;
    expect(may('lyon')).toBe(true);
    // A clock that was set back does not bar anybody for the time between.
    now -= 3_600_000;
    expect(may('lyon')).toBe(true);
  });

  it('refusals beyond it are told, and not entered into the ledger', async () => {
    const folder = bench.folder();
    const hub = await openHub({ folder, port: 0, project, initialWeights: weightsOf(0) });
    const site = await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Lyon' });
    const { signed } = rawUpdate(site, project, weightsOf(1), { projectHash: '0'.repeat(64) });
    const tries = memberRates.refusals + 20;
    for (let turn = 0; turn < tries; turn += 1) {
      await expect(site.channel.ask({ kind: 'update-offered', update: signed })).rejects.toMatchObject({ code: 511 });
    }
    expect((await hub.status()).refusedUpdates).toBe(tries);
    await site.close();
    await hub.close();
    const entries = await hubLedgerEntriesIn(folder, 1_000, ({ act }) => act === 'update-refused');
    expect(entries).toHaveLength(memberRates.refusals);
  }, 60_000);

  it('a statement longer than its kind needs is refused before anything of it is kept', async () => {
    const folder = bench.folder();
    const hub = await openPracticeHub(folder);
    const site = bench.keep(await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Lyon' }));
    const { blob, signed } = rawUpdate(site, project, weightsOf(1));
    await site.channel.putBlob(blob);
    // By hand: a site of ours does not sign such a one.
    const statement = JSON.stringify({ ...JSON.parse(signed.statement), padding: 'x'.repeat(10_000) });
    const signature = signatureOf(Buffer.from(`imagiq.sync.v1 update\n${statement}`), site.keys.signingKey);
    const update = { statement, signature };
    await expect(site.channel.ask({ kind: 'update-offered', update })).rejects.toMatchObject({
      code: 400,
      message: expect.stringContaining('the update is too long'),
    });
    expect(await hub.status()).toMatchObject({ acceptedUpdates: 0 });
    expect(readFileSync(path.join(folder, 'hub.sqlite')).includes('xxxxxxxxxx')).toBe(false);
  });
});
