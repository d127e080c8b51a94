import { createServer } from 'node:http';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { WebSocket } from 'ws';
import { afterEach, describe, expect, it } from 'vitest';
import { openHub, type Hub, type HubNews } from '../../../src/sync/hub/hub.ts';
import { ownMachineOnly } from '../../../src/sync/hub/invite-reach.ts';
import { createInviteIn } from '../../../src/sync/hub/invites.ts';
import { createDeviceKeys } from '../../../src/sync/protocol/device-keys.ts';
import { formatInvite, parseInvite } from '../../../src/sync/protocol/invite-link.ts';
import { openBench, practiceProject, practiceWork, until, weightsOf } from './federation-fixture.ts';
import { rawSite } from './raw-site.ts';

const bench = openBench();
afterEach(() => bench.close());

const newHub = async (options: { folder?: string; port?: number; clock?: () => number } = {}): Promise<Hub> =>
  bench.keep(
    await openHub({
      folder: options.folder ?? bench.folder(),
      port: options.port ?? 0,
      federation: 'North',
      project: practiceProject(),
      initialWeights: weightsOf(0),
      ...(options.clock === undefined ? {} : { clock: options.clock }),
    }),
  );
const idle = practiceWork({ step: 1 });

describe('enrolment', () => {
  it('makes the keys on the device, for the owner of the file only', async () => {
    const hub = await newHub();
    const lyon = await bench.site('Lyon', idle);
    await lyon.join(await hub.createInvite());
    expect((await hub.status()).members).toMatchObject([{ site: 'Lyon', fingerprint: lyon.fingerprint, online: true }]);
    expect(statSync(path.join(lyon.folder, 'keys', 'device-keys')).mode & 0o777).toBe(0o600);
  });

  it('takes an invite that another process wrote while the hub runs', async () => {
    const folder = bench.folder();
    const hub = await newHub({ folder });
    const lyon = await bench.site('Lyon', idle);
    await lyon.join(await createInviteIn(folder, { expiresInMs: 60_000 }));
    expect((await hub.status()).members).toHaveLength(1);
  });

  it('refuses an invite that was used by another device', async () => {
    const hub = await newHub();
    const invite = await hub.createInvite();
    await (await bench.site('Lyon', idle)).join(invite);
    const oslo = await bench.site('Oslo', idle);
    await expect(oslo.join(invite)).rejects.toMatchObject({ code: 502, retry: 'never' });
    expect(oslo.memberships()).toEqual([]);
    expect((await hub.status()).members).toHaveLength(1);
  });

  it('welcomes the same device again with the same invite, because it may not have heard the first welcome', async () => {
    const hub = await newHub();
    const invite = await hub.createInvite();
    const keys = createDeviceKeys();
    for (let time = 0; time < 2; time += 1) {
      bench.keep(await rawSite({ invite, folder: bench.folder(), name: 'Lyon', keys }));
    }
    expect((await hub.status()).members).toHaveLength(1);
  });

  it('refuses an invite that the same device used, once it has expired', async () => {
    let now = Date.now();
    const hub = await newHub({ clock: () => now });
    const invite = await hub.createInvite({ expiresInMs: 1_000 });
    const keys = createDeviceKeys();
    bench.keep(await rawSite({ invite, folder: bench.folder(), name: 'Lyon', keys }));
    now += 2_000;
    await expect(rawSite({ invite, folder: bench.folder(), name: 'Lyon', keys })).rejects.toMatchObject({ code: 501 });
  });

  it('refuses an expired invite, at the site by its date and at the hub by its own', async () => {
    let now = Date.now();
    const hub = await newHub({ clock: () => now });
    const invite = parseInvite(await hub.createInvite({ expiresInMs: 1_000 }));
    const lyon = await bench.site('Lyon', idle);
    await expect(
      lyon.join(formatInvite({ ...invite, expiresAt: new Date(Date.now() - 1_000).toISOString() })),
    ).rejects.toMatchObject({ code: 453 });
    now += 2_000;
    const prolonged = formatInvite({ ...invite, expiresAt: new Date(Date.now() + 60_000).toISOString() });
    await expect(lyon.join(prolonged)).rejects.toMatchObject({ code: 501 });
  });

  it('says what is wrong with a text that is no invite, or one with another code', async () => {
    const hub = await newHub();
    const lyon = await bench.site('Lyon', idle);
    await expect(lyon.join('imagiq://join/half')).rejects.toMatchObject({ code: 412 });
    const forged = formatInvite({ ...parseInvite(await hub.createInvite()), code: 'x'.repeat(43) });
    await expect(lyon.join(forged)).rejects.toMatchObject({ code: 500, retry: 'never' });
  });

  it('says so when no hub is there, and when something else answers', async () => {
    const hub = await newHub();
    const invite = parseInvite(await hub.createInvite());
    await hub.close();
    const lyon = await bench.site('Lyon', idle);
    await expect(lyon.join(formatInvite(invite))).rejects.toMatchObject({ code: 450, retry: 'later' });

    const web = createServer((_, response) => response.end('a web page'));
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    const { port } = web.address() as { port: number };
    await expect(lyon.join(formatInvite({ ...invite, url: `ws://127.0.0.1:${port}` }))).rejects.toMatchObject({
      code: 452,
    });
    await new Promise((resolve) => web.close(resolve));
  });

  it('tells a hub with another key nothing', async () => {
    const first = await newHub();
    const impostor = await newHub();
    const news: HubNews[] = [];
    impostor.watch((piece) => news.push(piece));
    const invite = formatInvite({ ...parseInvite(await first.createInvite()), url: impostor.url });
    const lyon = await bench.site('Lyon', idle);
    await expect(lyon.join(invite)).rejects.toMatchObject({ code: 451 });
    await until('the impostor gives up', () => news.some(({ kind }) => kind === 'site-refused'));
    expect((await impostor.status()).members).toEqual([]);
  });

  it('refuses an unknown device, and a second site of the same name', async () => {
    const hub = await newHub();
    await (await bench.site('Lyon', idle)).join(await hub.createInvite());
    await expect((await bench.site('Lyon', idle)).join(await hub.createInvite())).rejects.toMatchObject({ code: 503 });
    const stranger = rawSite({
      invite: await hub.createInvite(),
      folder: bench.folder(),
      name: 'Quito',
      isEnrolled: true,
    });
    await expect(stranger).rejects.toMatchObject({ code: 504 });
  });

  it('refuses another version of the wire before anything is said', async () => {
    const hub = await newHub();
    const socket = new WebSocket(hub.url, 'imagiq.sync.v9');
    const status = await new Promise((resolve) => {
      socket.on('unexpected-response', (request, response) => {
        resolve(response.statusCode);
        request.destroy();
      });
      socket.on('error', () => {});
    });
    expect(status).toBe(426);
  });

  it('lets a site leave, stops its work, and does not let it in again without an invite', async () => {
    const hub = await newHub();
    const lyon = await bench.site('Lyon', idle);
    const invite = await hub.createInvite();
    await lyon.join(invite);
    await lyon.leave('North');
    await until('the hub forgot the site', async () => (await hub.status()).members.length === 0);
    expect(lyon.memberships()).toMatchObject([{ state: 'left' }]);
    await expect(lyon.join(invite)).rejects.toMatchObject({ code: 502 });
    expect((await hub.status()).members).toEqual([]);
    await lyon.join(await hub.createInvite());
    expect((await hub.status()).members).toHaveLength(1);
  });

  it('tells the hub that it left, also where it was opened for that only', async () => {
    const hub = await newHub();
    const lyon = await bench.site('Lyon', idle);
    await lyon.join(await hub.createInvite());
    await lyon.close();
    const opened = await bench.site('Lyon', idle, lyon.folder);
    expect(await opened.leave('North')).toBe(true);
    expect((await hub.status()).members).toEqual([]);
    expect(opened.memberships()).toMatchObject([{ state: 'left', reason: null }]);
  });

  it('says that the hub has not heard of its leaving while that is away, and tells it once it is back', async () => {
    const folder = bench.folder();
    const hub = await newHub({ folder });
    const lyon = await bench.site('Lyon', idle);
    await lyon.join(await hub.createInvite());
    await hub.close();
    expect(await lyon.leave('North')).toBe(false);
    expect(lyon.memberships()[0]?.reason).toContain('has not heard yet');
    await lyon.close();
    const port = Number(new URL(hub.url).port);
    const back = await newHub({ folder, port });
    const opened = await bench.site('Lyon', idle, lyon.folder);
    // As by a command that only looks: what is owed is said before the site closes.
    await opened.close();
    expect((await back.status()).members).toEqual([]);
  });

  it('keeps the earlier membership when joining again fails, and one only when it succeeds', async () => {
    const hub = await newHub();
    const lyon = await bench.site('Lyon', idle);
    await lyon.join(await hub.createInvite());
    await until('the project is announced', () => lyon.memberships()[0]?.project);
    await lyon.leave('North');
    await until('the hub forgot the site', async () => (await hub.status()).members.length === 0);
    const forged = formatInvite({ ...parseInvite(await hub.createInvite()), code: 'x'.repeat(43) });
    await expect(lyon.join(forged)).rejects.toMatchObject({ code: 500 });
    expect(lyon.memberships()).toMatchObject([{ state: 'left', project: { id: 'practice' } }]);
    await lyon.close();
    const again = await bench.site('Lyon', idle, lyon.folder);
    expect(again.memberships()).toMatchObject([{ state: 'left', project: { id: 'practice' } }]);
    await again.join(await hub.createInvite());
    expect(again.memberships()).toMatchObject([{ federation: 'North' }]);
    expect(readdirSync(path.join(again.folder, 'federations'))).toHaveLength(1);
  });

  it('sets a damaged membership aside, says so, and lets the site join again', async () => {
    const hub = await newHub();
    const lyon = await bench.site('Lyon', idle);
    await lyon.join(await hub.createInvite());
    await lyon.close();
    const federations = path.join(lyon.folder, 'federations');
    const [name] = readdirSync(federations);
    writeFileSync(path.join(federations, name!, 'membership.json'), '{"version":1,"federa');
    for (let start = 0; start < 2; start += 1) {
      const again = await bench.site('Lyon', idle, lyon.folder);
      expect(again.memberships()).toEqual([]);
      expect(again.ledger.map(({ act }) => act)).toEqual(start === 0 ? ['membership-damaged'] : []);
      if (start === 1) await again.join(await hub.createInvite());
      await again.close();
    }
    expect(readdirSync(federations).filter((folder) => folder.startsWith(`${name}.damaged-`))).toHaveLength(1);
  });

  it('hangs up on a stranger that sends more than a handshake needs', async () => {
    const hub = await newHub();
    const socket = new WebSocket(hub.url, 'imagiq.sync.v1');
    const ended = new Promise((resolve) => socket.on('close', resolve));
    socket.on('open', () => socket.send('x'.repeat(65 * 1024)));
    socket.on('error', () => {});
    expect(await ended).toBe(1006);
  });

  it('does not start with a public address that no site could use', async () => {
    for (const publicUrl of ['hub.example.org', 'ws://hub.example.org', 'https://hub.example.org']) {
      await expect(openHub({ folder: bench.folder(), port: 0, publicUrl })).rejects.toMatchObject({ code: 526 });
    }
    const hub = bench.keep(await openHub({ folder: bench.folder(), port: 0, publicUrl: 'wss://hub.example.org' }));
    expect(parseInvite(await hub.createInvite()).url).toBe('wss://hub.example.org');
  });

  it('is joined by an invite that a mail indented and broke into lines', async () => {
    const hub = await newHub();
    const invite = await hub.createInvite();
    const mailed = `  ${invite.slice(0, 90)}\r\n   ${invite.slice(90, 190)}\n ${invite.slice(190)}  `;
    expect(parseInvite(mailed)).toEqual(parseInvite(invite));
  });

  it('says when no other machine can use its invites', () => {
    for (const url of ['ws://127.0.0.1:8443', 'ws://localhost:1', 'wss://[::1]:2'])
      expect(ownMachineOnly(url)).toMatch(/only this machine.*--public-url/);
    expect(ownMachineOnly('wss://hub.example.org')).toBeNull();
  });

  it('answers /healthz on the same port, and tells members from connections', async () => {
    const hub = await newHub();
    const lyon = await bench.site('Lyon', idle);
    await lyon.join(await hub.createInvite());
    await lyon.close();
    await expect
      .poll(async () => (await fetch(`http://127.0.0.1:${hub.port}/healthz`)).json())
      .toMatchObject({ members: 1, connections: 0 });
    const health = await fetch(`http://127.0.0.1:${hub.port}/healthz`);
    expect(await health.json()).toMatchObject({ status: 'ok', federation: 'North', trunkVersion: 0 });
  });

  it('keeps a second hub off the same folder and off the same port', async () => {
    const folder = bench.folder();
    const hub = await newHub({ folder });
    await expect(newHub({ folder })).rejects.toMatchObject({ code: 520 });
    await expect(newHub({ port: hub.port })).rejects.toMatchObject({ code: 521 });
  });
});
