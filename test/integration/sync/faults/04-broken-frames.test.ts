import { crc32 } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { openHub } from '../../../../src/sync/hub/hub.ts';
import { encodeChunk } from '../../../../src/sync/protocol/chunk-frame.ts';
import { wireLimits } from '../../../../src/sync/protocol/limits.ts';
import { openBench, practiceProject, practiceWork, until, weightsOf } from '../federation-fixture.ts';
import { rawSite, rawUpdate, type RawSite } from '../raw-site.ts';
import { untrueHub } from '../untrue-hub.ts';

const bench = openBench();
afterEach(() => bench.close());

const project = practiceProject({ rule: { bufferSize: 3 } });
const chunk = (transfer: string, change: (frame: Buffer) => Buffer | void): Buffer => {
  const frame = Buffer.from(encodeChunk({ transfer, offset: 0, payload: weightsOf(1) }));
  return change(frame) ?? frame;
};
interface Sender {
  readonly site: RawSite;
  readonly transfer: string;
}

describe('fault 4: a frame that is not as it should be', () => {
  it.each<[string, (sender: Sender) => void]>([
    [
      'a tampered chunk',
      ({ site, transfer }) => site.line.socket.send(chunk(transfer, (frame) => void (frame[60]! ^= 1))),
    ],
    [
      'a truncated header',
      ({ site, transfer }) => site.line.socket.send(chunk(transfer, (frame) => frame.subarray(0, 40))),
    ],
    [
      'a truncated chunk',
      ({ site, transfer }) => site.line.socket.send(chunk(transfer, (frame) => frame.subarray(0, 90))),
    ],
    [
      'an unknown frame type',
      ({ site, transfer }) => site.line.socket.send(chunk(transfer, (frame) => void (frame[3] = 9))),
    ],
    [
      'an unknown frame version',
      ({ site, transfer }) => site.line.socket.send(chunk(transfer, (frame) => void (frame[2] = 2))),
    ],
    [
      'an offset beyond every blob',
      ({ site, transfer }) =>
        site.line.socket.send(chunk(transfer, (frame) => void frame.writeBigUInt64LE(2n ** 60n, 24))),
    ],
    [
      'a chunk that leaves a gap',
      ({ site, transfer }) => site.line.socket.send(chunk(transfer, (frame) => void frame.writeBigUInt64LE(64n, 24))),
    ],
    [
      'more bytes than were announced',
      ({ site, transfer }) =>
        site.line.socket.send(encodeChunk({ transfer, offset: 0, payload: Buffer.alloc(100_000) })),
    ],
    ['a frame larger than any', ({ site }) => site.line.socket.send(Buffer.alloc(wireLimits.frameBytes + 1))],
    ['text that is not UTF-8', ({ site }) => site.line.socket.send(Buffer.from([0xff, 0xfe, 0xfd]), { binary: false })],
    ['an unknown message', ({ site }) => site.channel.send({ kind: 'dance', id: 1 } as never)],
    ['a message without its fields', ({ site }) => site.channel.send({ kind: 'put-begin', id: 1 } as never)],
  ])('%s ends that connection, stores nothing, and the site comes back and is served', async (_, send) => {
    const hub = bench.keep(await openHub({ folder: bench.folder(), port: 0, project, initialWeights: weightsOf(0) }));
    const order = { invite: await hub.createInvite(), folder: bench.folder(), name: 'Lyon' };
    const site = await rawSite(order);
    const { blob, signed } = rawUpdate(site, project, weightsOf(1));
    const begun = await site.channel.ask({ kind: 'put-begin', hash: blob, bytes: weightsOf(1).length });
    if (begun.kind !== 'have') throw new Error('no answer');
    send({ site, transfer: begun.transfer });
    await site.channel.ended;
    await until('the hub let go of it', async () => !(await hub.status()).members[0]!.online);
    expect(await hub.status()).toMatchObject({ acceptedUpdates: 0, bufferedUpdates: 0 });

    const again = bench.keep(await rawSite({ ...order, keys: site.keys, isEnrolled: true }));
    await again.channel.putBlob(blob);
    await again.channel.ask({ kind: 'update-offered', update: signed });
    expect(await hub.status()).toMatchObject({ acceptedUpdates: 1 });
  });

  it('a checksum that was made to fit does not save bytes of another hash', async () => {
    const hub = bench.keep(await openHub({ folder: bench.folder(), port: 0, project, initialWeights: weightsOf(0) }));
    const site = bench.keep(await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Lyon' }));
    const { blob } = rawUpdate(site, project, weightsOf(1));
    const begun = await site.channel.ask({ kind: 'put-begin', hash: blob, bytes: weightsOf(1).length });
    if (begun.kind !== 'have') throw new Error('no answer');
    const forged = chunk(begun.transfer, (frame) => {
      frame[100]! ^= 1;
      frame.writeUInt32LE(crc32(frame.subarray(48)), 32);
    });
    site.line.socket.send(forged);
    await expect(site.channel.ask({ kind: 'put-end', transfer: begun.transfer })).rejects.toMatchObject({ code: 404 });
    await site.channel.putBlob(blob);
  });
});

describe('what a hub with the right keys says and a true hub does not', () => {
  /** A site whose hub is gone while it trained: its update waits, and one that says whatever the test says takes the hub's place. */
  async function siteWithAnUpdate() {
    const folder = bench.folder();
    const hub = await openHub({ folder, port: 0, project, initialWeights: weightsOf(0) });
    let train = (): void => {};
    const held = new Promise<void>((resolve) => (train = resolve));
    let isTraining = false;
    const beforeUpdate = (): Promise<void> => {
      isTraining = true;
      return held;
    };
    const lyon = await bench.site('Lyon', practiceWork({ step: 1, beforeUpdate }));
    await lyon.join(await hub.createInvite());
    await until('the project is announced', () => lyon.memberships()[0]?.project);
    const witness = await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Oslo' });
    const announced = await until('the greeting', () => witness.heard.find(({ kind }) => kind === 'project-announced'));
    if (announced.kind !== 'project-announced') throw new Error('no project');
    await witness.close();
    await lyon.approve('ImagiQ', 'chest');
    await until('it trains', () => isTraining);
    const { port, fingerprint } = hub;
    await hub.close();
    train();
    await until('an update waits', () => lyon.memberships()[0]!.updates.spooled > 0);
    const untrue = bench.keep(await untrueHub({ folder, fingerprint, port }));
    return { lyon, announced, untrue };
  }

  it('a project with the trunk of another changes nothing: the site keeps project, consent and what it has to send', async () => {
    const { lyon, announced, untrue } = await siteWithAnUpdate();
    const before = lyon.memberships()[0]!;
    const first = await untrue.nextSite();
    first.say({ ...announced, project: announced.project!.replace('A practice project', 'Another project') });
    expect(await first.ended).toBe(4_000);
    const now = lyon.memberships()[0]!;
    expect(now).toMatchObject({ cohort: 'chest', project: before.project, trunkVersion: before.trunkVersion });
    expect(now.updates.spooled).toBeGreaterThan(0);
    // And it goes on with what is true.
    (await untrue.nextSite()).say(announced);
    expect(lyon.memberships()[0]).toMatchObject({ cohort: 'chest', project: before.project });
  }, 60_000);

  it('an answer of another kind, or a receipt that it did not sign, is no refusal: the update waits for a true one', async () => {
    const { lyon, untrue } = await siteWithAnUpdate();
    const line = await untrue.nextSite();
    const transfer = '0'.repeat(32);
    const first = await line.asks('put-begin');
    /** Its model for the peers comes in between. */
    const broughtAgain = async () => {
      for (;;) {
        const brought = await line.asks('put-begin');
        if (brought.hash === first.hash) return brought;
      }
    };
    line.say({ kind: 'noted', re: first.id });
    const second = await broughtAgain();
    line.say({ kind: 'have', re: second.id, transfer, offset: second.bytes });
    const { id, update } = await line.asks('update-offered');
    line.say({ kind: 'update-accepted', re: id, receipt: update, isDuplicate: false });
    await broughtAgain();
    expect(lyon.memberships()[0]!.updates).toMatchObject({ refused: 0, accepted: 0 });
    expect(lyon.memberships()[0]!.updates.spooled).toBeGreaterThan(0);
  }, 60_000);
});
