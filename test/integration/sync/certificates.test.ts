// Certificates of membership: renewed by themselves, and shown on the lines between sites, which outlive the hub only for as long as these do.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Hub, openHub } from '../../../src/sync/hub/hub.ts';
import { parseStatement, type Signed, signStatement } from '../../../src/sync/protocol/statement.ts';
import { plainSealing } from '../../../src/sync/site/key-sealing.ts';
import { readMembershipState } from '../../../src/sync/site/membership-file.ts';
import { dialPeer } from '../../../src/sync/site/peer-dial.ts';
import { openSite, type Site } from '../../../src/sync/site/site.ts';
import { openSiteKeys } from '../../../src/sync/site/site-keys.ts';
import { processesOf } from './faults/processes.ts';
import { openBench, practiceProject, practiceWork, until, weightsOf } from './federation-fixture.ts';
import { startPeer } from './peer-processes.ts';

const bench = openBench();
const { hubProcess } = processesOf(bench);
afterEach(() => bench.close());

const dayMs = 24 * 60 * 60 * 1_000;
/** Heartbeats that a busy machine can keep. */
const pingMs = 1_000;

type CertifiedSite = Site & { readonly folder: string };

/** A federation's time, which a test moves on. */
function federationTime() {
  let aheadMs = 0;
  return { clock: () => Date.now() + aheadMs, pass: (ms: number) => void (aheadMs += ms) };
}

async function siteNamed(siteName: string, clock: () => number): Promise<CertifiedSite> {
  const folder = bench.folder();
  const order = { folder, siteName, work: practiceWork({ step: 1 }), clock, pingMs, random: () => 0.2 };
  const site = bench.keep(await openSite({ ...order, onChange: () => {}, onLedger: () => {} }));
  return Object.assign(site, { folder });
}

/** Lyon, which listens, and Oslo, which dials it, members by these invites. */
async function lyonAndOslo(invites: readonly string[], clock: () => number): Promise<[CertifiedSite, CertifiedSite]> {
  const lyon = await siteNamed('Lyon', clock);
  await lyon.listen({ isOn: true, port: 0, address: '127.0.0.1' });
  const oslo = await siteNamed('Oslo', clock);
  await lyon.join(invites[0]!);
  await oslo.join(invites[1]!);
  await areDirect(lyon, oslo);
  return [lyon, oslo];
}

const stateOf = ({ folder }: CertifiedSite) => {
  const [name] = readdirSync(path.join(folder, 'federations'));
  return readMembershipState(path.join(folder, 'federations', name!))!;
};
const goodUntil = (site: Site): string | null => site.memberships()[0]!.certificateUntil;
const routeTo = (site: Site, name: string) => site.memberships()[0]!.peers.find((peer) => peer.site === name)?.route;
const areDirect = (lyon: Site, oslo: Site) =>
  until('both have the line', () => routeTo(lyon, 'Oslo') === 'direct' && routeTo(oslo, 'Lyon') === 'direct', 30_000);

/** Oslo's own key at Lyon's door, with what it shows there. @returns what it hears. */
async function knock(oslo: CertifiedSite, lyon: CertifiedSite, membership: Signed | null): Promise<string> {
  const keys = openSiteKeys(path.join(oslo.folder, 'keys'), plainSealing);
  const { publicKey, boxPublicKey } = keys;
  const card = signStatement('site-card', { site: 'Oslo', publicKey, boxPublicKey }, keys);
  const address = parseStatement('address', stateOf(oslo).addresses[lyon.fingerprint]!.statement);
  try {
    const { socket } = await dialPeer({ address, site: 'Lyon', keys, card, membership });
    socket.terminate();
    return 'welcome';
  } catch (thrown) {
    return (thrown as Error).message;
  }
}

describe('certificates of membership', () => {
  it('come with the welcome, and anew on a line that stands when a third of their time is over', async () => {
    const { clock, pass } = federationTime();
    const hub = bench.keep(await openHub({ folder: bench.folder(), port: 0, certificateDays: 9, clock, pingMs }));
    const site = await siteNamed('Lyon', clock);
    const before = clock();
    await site.join(await hub.createInvite());
    const first = Date.parse(goodUntil(site)!);
    expect(first - before).toBeGreaterThanOrEqual(9 * dayMs);
    await until('it is online', () => site.memberships()[0]!.state === 'online');
    pass(3 * dayMs);
    await until('it has another', () => Date.parse(goodUntil(site)!) >= first + 3 * dayMs);
    expect(site.memberships()[0]!.state).toBe('online');
    const kept = await until('it is kept', () => stateOf(site).certificate);
    expect(parseStatement('membership', kept.statement)).toMatchObject({
      hub: hub.fingerprint,
      device: site.fingerprint,
      role: 'site',
      expiresAt: goodUntil(site),
    });
  });

  it('are asked on lines between sites: with the hub away these end when they run out, and stand again with new ones', async () => {
    const { clock, pass } = federationTime();
    const order = { folder: bench.folder(), clock, pingMs };
    const hub: Hub = bench.keep(await openHub({ ...order, port: 0 }));
    const [lyon, oslo] = await lyonAndOslo([await hub.createInvite(), await hub.createInvite()], clock);
    const ofOslo = stateOf(oslo).certificate;
    expect(await knock(oslo, lyon, null)).toContain('certificate of membership of Oslo is missing');
    expect(await knock(oslo, lyon, stateOf(lyon).certificate)).toContain('is that of another device');
    await hub.close();
    await until('the hub is gone', () => [lyon, oslo].every((site) => site.memberships()[0]!.state === 'offline'));
    // The line outlives the hub, while the certificates are good.
    expect([routeTo(lyon, 'Oslo'), routeTo(oslo, 'Lyon')]).toEqual(['direct', 'direct']);
    const online = lyon.memberships()[0]!.members.map((member) => [member.site, member.online]);
    expect(Object.fromEntries(online)).toEqual({ Lyon: false, Oslo: true });
    pass(32 * dayMs);
    await until('the line ended', () => routeTo(lyon, 'Oslo') === 'away' && routeTo(oslo, 'Lyon') === 'away');
    const why = (site: Site) => site.memberships()[0]!.peers[0]!.lineProblem;
    const ranOut = 'The certificate of membership of Oslo was good until';
    await until('the one that is dialled says why', () => why(lyon)?.startsWith(ranOut));
    await until('so does the one that dials', () =>
      why(oslo)?.startsWith(`Lyon cannot be reached directly. It says: “${ranOut}`),
    );
    expect(await knock(oslo, lyon, ofOslo)).toContain('certificate of membership of Oslo was good until');

    bench.keep(await openHub({ ...order, port: hub.port }));
    await areDirect(lyon, oslo);
    expect([why(lyon), why(oslo)]).toEqual([null, null]);
    // What ran out is of no use, however good the new one is.
    expect(await knock(oslo, lyon, ofOslo)).toContain('was good until');
    expect(await knock(oslo, lyon, stateOf(oslo).certificate)).toBe('welcome');
  }, 90_000);

  it('are not shown by a site of an earlier version: nobody dials it with success, and its models come through the hub', async () => {
    const project = practiceProject({ rule: { bufferSize: 1 }, commits: 1 });
    const hub = bench.keep(await openHub({ folder: bench.folder(), port: 0, project, initialWeights: weightsOf(0) }));
    const older = { folder: bench.folder(), name: 'Quito', step: 0.1, goal: 0.5, isListening: true, features: [] };
    const quito = await startPeer(older);
    bench.keep({ close: () => quito.kill() });
    await quito.order({ act: 'join', invite: await hub.createInvite() });
    const oslo = await bench.site('Oslo', practiceWork({ step: 1 }));
    await oslo.join(await hub.createInvite());
    await until('the project is announced', () => oslo.memberships()[0]?.project);
    await oslo.approve('ImagiQ', 'chest');
    await until('it knows the way', () => oslo.memberships()[0]!.peers.find(({ site }) => site === 'Quito')?.address);
    await until('it is done', () => quito.membership?.state === 'finished', 60_000);
    const { model } = await quito.order<{ model: string }>({ act: 'publish', value: 0.5 });
    await until('its model is here', () => oslo.memberships()[0]!.bench.some((one) => one.model === model), 60_000);
    // Waits for a first try of the line.
    await oslo.bench('ImagiQ').pull('Quito');
    await until('it is reached through the hub', () => routeTo(oslo, 'Quito') === 'relay');
    // And not by a line that a later try opened.
    await oslo.bench('ImagiQ').pull('Quito');
    expect(routeTo(oslo, 'Quito')).toBe('relay');
  }, 120_000);

  it('are not asked where the hub is of an earlier version; a hub that issued them cannot be taken back to one', async () => {
    const { clock } = federationTime();
    const folder = bench.folder();
    const order = { folder, project: { peerModels: false }, pingMs };
    const older = await hubProcess({ ...order, features: [] });
    const [lyon, oslo] = await lyonAndOslo(older.invites, clock);
    expect([goodUntil(lyon), goodUntil(oslo)]).toEqual([null, null]);

    older.child.kill('SIGKILL');
    await older.died;
    const newer = await hubProcess({ ...order, port: older.port });
    await until('both have certificates', () => [lyon, oslo].every((site) => goodUntil(site) !== null), 30_000);
    await areDirect(lyon, oslo);

    newer.child.kill('SIGKILL');
    await newer.died;
    await hubProcess({ ...order, port: older.port, features: [] });
    await until('both are back', () => [lyon, oslo].every((site) => site.memberships()[0]!.state === 'online'), 30_000);
    await areDirect(lyon, oslo);
    expect(await knock(oslo, lyon, null)).toContain('is missing');
  }, 120_000);
});
