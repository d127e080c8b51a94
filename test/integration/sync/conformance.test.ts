// The conformance kit: the hub of this repository keeps all of it, and one that keeps little is found out.
import { createServer } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { runChecks } from '../../../src/sync/conformance/check.ts';
import { type CheckOutcome, hubConformance } from '../../../src/sync/conformance/hub-conformance.ts';
import { lastSiteCheck, siteChecks } from '../../../src/sync/conformance/site-checks.ts';
import { hubUnderTest } from '../../../src/sync/conformance/hub-under-test.ts';
import { maskingChecks } from '../../../src/sync/conformance/masking-checks.ts';
import { siteConformance } from '../../../src/sync/conformance/site-conformance.ts';
import { siteUnderTest } from '../../../src/sync/conformance/site-under-test.ts';
import { openHub } from '../../../src/sync/hub/hub.ts';
import { createDeviceKeys, fingerprintOf } from '../../../src/sync/protocol/device-keys.ts';
import { openFrameQueue } from '../../../src/sync/protocol/frame-queue.ts';
import { greetHub } from '../../../src/sync/protocol/handshake.ts';
import { wireVersion } from '../../../src/sync/protocol/limits.ts';
import { formatInvite, parseInvite } from '../../../src/sync/protocol/invite-link.ts';
import { signStatement } from '../../../src/sync/protocol/statement.ts';
import { openBench, practiceProject, practiceWork, weightsOf } from './federation-fixture.ts';

const bench = openBench();
afterEach(() => bench.close());

const brokenOf = (outcomes: readonly CheckOutcome[]) => outcomes.filter(({ outcome }) => outcome !== 'kept');

it('the hub keeps what the protocol asks, and is as it was afterwards', async () => {
  const project = practiceProject({ rule: { bufferSize: 3 }, commits: 100 });
  const hub = bench.keep(
    await openHub({ folder: bench.folder(), port: 0, project, initialWeights: weightsOf(0, 100_000) }),
  );
  const outcomes = await hubConformance([await hub.createInvite(), await hub.createInvite()], () => {});
  // Of secure aggregation: below.
  expect(brokenOf(outcomes).filter(({ section }) => !section.startsWith('10'))).toEqual([]);
  expect(outcomes.length).toBeGreaterThan(35);
  expect(await hub.status()).toMatchObject({ trunkVersion: 0, acceptedUpdates: 0 });
}, 120_000);

it('the hub keeps what the protocol asks of secure aggregation, and no buffer comes of it', async () => {
  const project = practiceProject({ rule: { bufferSize: 3 }, secureAggregation: { threshold: 3, stepMs: 60_000 } });
  const hub = bench.keep(await openHub({ folder: bench.folder(), port: 0, project, initialWeights: weightsOf(0) }));
  const tried = hubUnderTest(parseInvite(await hub.createInvite()));
  const outcomes = await runChecks(maskingChecks, tried, () => {});
  expect(brokenOf(outcomes)).toEqual([]);
  expect(outcomes.length).toBeGreaterThan(5);
}, 120_000);

it('without a project, what needs one is not tried', async () => {
  const hub = bench.keep(await openHub({ folder: bench.folder(), port: 0 }));
  const outcomes = await hubConformance([await hub.createInvite()], () => {});
  expect(new Set(brokenOf(outcomes).map(({ outcome }) => outcome))).toEqual(new Set(['not tried']));
}, 120_000);

it('an end that opens any WebSocket and says nothing keeps next to nothing', async () => {
  const server = createServer();
  const sockets = new WebSocketServer({ server, perMessageDeflate: true });
  sockets.on('connection', (socket) => socket.on('message', () => socket.close(1000)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  bench.keep({
    async close() {
      for (const socket of sockets.clients) socket.terminate();
      server.close();
    },
  });
  const { port } = server.address() as { port: number };
  const { fingerprint } = createDeviceKeys();
  const url = `ws://127.0.0.1:${port}`;
  const invite = {
    version: 1,
    url,
    hubFingerprint: fingerprint,
    code: 'a'.repeat(22),
    federation: '',
    expiresAt: '',
  } as const;
  const outcomes = await hubConformance([formatInvite(invite)], () => {});
  expect(outcomes.filter(({ outcome }) => outcome === 'broken').length).toBeGreaterThan(outcomes.length / 2);
  for (const section of ['1.2', '1.3', '4.2', '4.4', '7.1'])
    expect(outcomes.filter((one) => one.section === section).map(({ outcome }) => outcome)).toContain('broken');
}, 120_000);

it('the site keeps what the protocol asks', async () => {
  const site = await bench.site('Lyon', practiceWork({ step: 1 }));
  const outcomes = await siteConformance(
    0,
    (invite) => void site.join(invite),
    () => {},
  );
  expect(brokenOf(outcomes)).toEqual([]);
  expect(outcomes.length).toBeGreaterThan(11);
}, 120_000);

/** Believes whoever answers, and calls again whatever it was told. */
function gullibleSite(link: string): { close(): Promise<void> } {
  const invite = parseInvite(link);
  const keys = createDeviceKeys();
  const { publicKey, boxPublicKey } = keys;
  let isClosed = false;
  let socket: WebSocket | null = null;
  const call = async (): Promise<void> => {
    socket = new WebSocket(invite.url, wireVersion);
    const ended = new Promise((resolve) => socket!.once('close', resolve));
    socket.on('error', () => {});
    const frames = openFrameQueue(socket, { frames: 8, bytes: 1_000_000 });
    await Promise.race([new Promise((resolve) => socket!.once('open', resolve)), ended]);
    if (socket.readyState !== WebSocket.OPEN) return;
    let fingerprint = '';
    await greetHub({
      socket,
      frames: {
        ...frames,
        async nextText(ms) {
          const text = await frames.nextText(ms);
          const { statement } = JSON.parse(text.startsWith('{') ? text : '{}') as { statement?: string };
          if (statement !== undefined)
            fingerprint = fingerprintOf((JSON.parse(statement) as { hubKey: string }).hubKey);
          return text;
        },
      },
      keys,
      card: signStatement('site-card', { site: 'Gullible', publicKey, boxPublicKey }, keys),
      get hubFingerprint() {
        return fingerprint;
      },
      inviteCode: invite.code,
      lastModelSequence: 0,
      address: null,
      wrongHub: () => new Error('no hub') as never,
    }).catch(() => {});
    await ended;
    if (!isClosed) await call();
  };
  const calling = call().catch(() => {});
  return {
    async close() {
      isClosed = true;
      socket?.terminate();
      await calling;
    },
  };
}

it('a site that believes any hub, and comes again after it was revoked, is found out', async () => {
  const site = bench.keep(await siteUnderTest(0).then((under) => ({ ...under, close: async () => under.close() })));
  bench.keep(gullibleSite(site.invite));
  const asked = [...siteChecks.filter(({ section }) => section === '4.2'), lastSiteCheck];
  const outcomes = await runChecks(asked, { ...site, close: () => {} }, () => {});
  expect(outcomes.map(({ outcome, why }) => [outcome, why])).toEqual([
    ['broken', 'It said who it is.'],
    ['broken', 'It came again.'],
  ]);
}, 120_000);
