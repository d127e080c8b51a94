import { afterEach, describe, expect, it } from 'vitest';
import type { Mode } from '../../../../src/contract/federation.ts';
import { openBench, until } from '../federation-fixture.ts';
import { type PeerProcess, startHubProcess, startPeer } from '../peer-processes.ts';

const bench = openBench();
const processes: { kill(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(processes.splice(0).map((one) => one.kill()));
  await bench.close();
});
const kept = <T extends { kill(): Promise<void> }>(one: T): T => {
  processes.push(one);
  return one;
};

describe('fault 20: a graph of peers that is parted in two', () => {
  it('goes on in both halves, which drift apart, and comes together again when the network heals', async () => {
    // All are joined to all; two of them pull by 2 a turn, and two stay.
    const project = { mode: { kind: 'gossip', neighbours: 4, patienceMs: 2_000 } as Mode, commits: 1_000 };
    const hub = kept(await startHubProcess({ folder: bench.folder(), port: 0, project }));
    const starters = [
      ['Lyon', 0],
      ['Oslo', 0],
      ['Perth', 2],
      ['Quito', 2],
    ] as const;
    const sites: PeerProcess[] = [];
    for (const [name, step] of starters) {
      const order = { folder: bench.folder(), name, step, goal: 9, isListening: true, secondsPerUpdate: 0.25 };
      sites.push(kept(await startPeer(order)));
    }
    for (const [index, site] of sites.entries()) await site.order({ act: 'enter', invite: hub.invites[index]! });
    const isDirect = ({ membership }: PeerProcess, among: readonly string[]): boolean =>
      membership !== null &&
      membership.peers.length === 3 &&
      membership.peers.every(({ site, route }) => (route === 'direct') === among.includes(site));
    const names = starters.map(([name]) => name);
    const turnOf = ({ membership }: PeerProcess): number => membership?.trunkVersion ?? 0;
    const further = async (turns: number): Promise<void> => {
      const from = sites.map(turnOf);
      await until('further turns', () => sites.every((site, index) => turnOf(site) >= from[index]! + turns), 120_000);
    };
    const values = (): Promise<number[]> => Promise.all(sites.map((site) => site.order<number>({ act: 'shared' })));
    const apart = ([lyon, oslo, perth, quito]: readonly number[]): number =>
      Math.abs((perth! + quito!) / 2 - (lyon! + oslo!) / 2);

    await until('each sees all on lines of their own', () => sites.every((site) => isDirect(site, names)), 60_000);
    for (const site of sites) await site.order({ act: 'approve' });
    await until(
      'all hold the first weights',
      () => sites.every(({ membership }) => membership!.history.length > 0),
      60_000,
    );
    await hub.kill();
    await further(4);

    const ports = names.map((name, index) => {
      const seenBy = sites[(index + 1) % sites.length]!.membership!;
      return Number(new URL(seenBy.peers.find(({ site }) => site === name)!.address!).port);
    });
    const cut = (of: (index: number) => readonly number[]): Promise<unknown> =>
      Promise.all(sites.map((site, index) => site.order({ act: 'cut-off', ports: of(index) })));
    await cut((index) => (index < 2 ? ports.slice(2) : ports.slice(0, 2)));
    await until(
      'each sees its own half only',
      () => sites.every((site, index) => isDirect(site, index < 2 ? names.slice(0, 2) : names.slice(2))),
      60_000,
    );
    await further(12);
    const parted = await values();
    // Nobody pulls the first two, nobody holds the other two.
    expect(apart(parted)).toBeGreaterThan(16);

    await cut(() => []);
    await until('each sees all again', () => sites.every((site) => isDirect(site, names)), 90_000);
    await further(12);
    const healed = await values();
    expect(apart(healed)).toBeLessThan(apart(parted) / 2);
    // Together they are pulled by the mean of their steps: nothing of either half was thrown away.
    expect(Math.min(...healed)).toBeGreaterThan(Math.min(...parted));
  }, 300_000);
});
