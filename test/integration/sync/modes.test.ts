// The modes without a trunk, end to end: gossip with processes of its own and the hub killed, the chain modes with their equalities.
import { afterEach, describe, expect, it } from 'vitest';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Ancestor } from '../../../src/contract/peers.ts';
import type { Mode } from '../../../src/contract/federation.ts';
import { type Hub, openHub } from '../../../src/sync/hub/hub.ts';
import {
  firstWeight,
  openBench,
  practiceProject,
  practiceWork,
  type PracticeSite,
  until,
  weightsOf,
} from './federation-fixture.ts';
import { sealModel, wrapKey } from '../../../src/sync/protocol/sealed-model.ts';
import { readSiteCard } from '../../../src/sync/protocol/statement.ts';
import { readMembershipState } from '../../../src/sync/site/membership-file.ts';
import { rawModel, rawSite } from './raw-site.ts';
import { type PeerProcess, startHubProcess, startPeer } from './peer-processes.ts';

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
const sharedWeight = (site: PracticeSite): number => firstWeight(readFileSync(site.ensembleOf('ImagiQ')!.trunkFile!));

interface Starter {
  readonly name: string;
  readonly step: number;
  readonly examples?: number;
  readonly beforeUpdate?: () => Promise<void>;
  /** 1 if not given. */
  readonly goal?: number;
}

/** Sites of one federation whose project has this mode; they begin together. */
async function sitesIn(
  mode: Mode,
  commits: number,
  starters: readonly Starter[],
  peerModels = true,
): Promise<{ readonly hub: Hub & { readonly folder: string }; readonly sites: PracticeSite[] }> {
  const project = practiceProject({ mode, commits, peerModels });
  const folder = bench.folder();
  const hub = bench.keep(await openHub({ folder, port: 0, project, initialWeights: weightsOf(0) }));
  const sites: PracticeSite[] = [];
  for (const { name, ...work } of starters) {
    const site = await bench.site(name, practiceWork({ goal: 1, ...work }));
    await site.join(await hub.createInvite());
    sites.push(site);
  }
  await until('they know each other', () =>
    sites.every((site) => site.memberships()[0]!.project && site.memberships()[0]!.members.length === starters.length),
  );
  return { hub: Object.assign(hub, { folder }), sites };
}
const finished = (sites: readonly PracticeSite[]): Promise<boolean> =>
  until('all are done', () => sites.every((site) => site.memberships()[0]!.state === 'finished'), 60_000);

describe('cyclic', () => {
  it('the one model travels around: each trains it in turn, and all end with the same', async () => {
    const steps = [0.25, 0.5, 1];
    const { hub, sites } = await sitesIn(
      { kind: 'cyclic', patienceMs: 60_000 },
      6,
      steps.map((step, index) => ({ name: ['Lyon', 'Oslo', 'Quito'][index]!, step, goal: 3.5 })),
    );
    for (const site of sites) await site.approve('ImagiQ', 'chest');
    await until('the first turn', () => sites.some((site) => site.memberships()[0]!.trunkVersion > 0));
    expect(await hub.status()).toMatchObject({ isFinished: false });
    await finished(sites);
    await until('the hub has heard of it', async () => (await hub.status()).isFinished);
    expect(sites.map(sharedWeight)).toEqual([3.5, 3.5, 3.5]);
    const chain = sites[0]!.lineage('ImagiQ').filter(({ branch }) => branch === 'chain');
    expect(chain.map(({ turn }) => turn)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(new Set(chain.slice(0, 3).map(({ site }) => site)).size).toBe(3);
    chain.slice(1).forEach((ancestor, index) => expect(ancestor.parents).toEqual([chain[index]!.model]));
    expect(sites[0]!.memberships()[0]!.history.map(({ trunkVersion }) => trunkVersion)).toContain(6);
    // The shared model stands on the bench once, though its author offers it as a turn too.
    for (const site of sites) {
      const { members } = await site.bench('ImagiQ').select(null);
      expect(members.filter(({ model }) => model === chain.at(-1)!.model)).toMatchObject([{ site: 'trunk' }]);
      const voting = site.ensembleOf('ImagiQ')!.members.map(({ model }) => model);
      expect(voting).toEqual([...new Set(voting)]);
    }
  }, 120_000);

  it('goes on without a member that is away: the next one steps in', async () => {
    const { hub, sites } = await sitesIn({ kind: 'cyclic', patienceMs: 400 }, 4, [
      { name: 'Lyon', step: 0.5 },
      { name: 'Oslo', step: 0.5 },
      { name: 'Quito', step: 0.5 },
    ]);
    const [lyon, oslo, quito] = sites as [PracticeSite, PracticeSite, PracticeSite];
    await quito.close();
    for (const site of [lyon, oslo]) await site.approve('ImagiQ', 'chest');
    await finished([lyon, oslo]);
    // Quito never approved: it is not waited for.
    await until('the hub has heard of it', async () => (await hub.status()).isFinished);
    expect([lyon, oslo].map(sharedWeight)).toEqual([2, 2]);
  }, 120_000);
});

describe('a site that made the last turn while the hub was away', () => {
  it('says who has not fetched it yet, and no more when the hub or a line has taken it', async () => {
    const training: (() => void)[] = [];
    const beforeUpdate = (): Promise<void> => new Promise((resolve) => void training.push(resolve));
    const starters = ['Lyon', 'Oslo'].map((name) => ({ name, step: 0.5, beforeUpdate }));
    const { hub, sites } = await sitesIn({ kind: 'cyclic', patienceMs: 600_000 }, 1, starters, false);
    for (const site of sites) await site.approve('ImagiQ', 'chest');
    await until('the first weights', () => sites.every((site) => site.memberships()[0]!.history.length === 1));
    await until('one trains', () => training.length > 0);
    await hub.close();
    training[0]!();
    const made = await until('the turn', () => sites.find((site) => site.memberships()[0]!.state === 'finished'));
    const other = sites.find((site) => site !== made)!;
    expect(made.memberships()[0]!.undelivered).toEqual([other.memberships()[0]!.site]);
    bench.keep(await openHub({ folder: hub.folder, port: hub.port }));
    await until('it is with the hub', () => made.memberships()[0]!.undelivered.length === 0, 60_000);
    await finished([other]);
  }, 120_000);
});

describe('rotating', () => {
  it('is federated averaging whoever aggregates: the mean by examples, round by round', async () => {
    const { hub, sites } = await sitesIn({ kind: 'rotating', patienceMs: 60_000 }, 3, [
      { name: 'Lyon', step: 0.5, examples: 30 },
      { name: 'Oslo', step: 1, examples: 10 },
      { name: 'Quito', step: 2, examples: 10 },
    ]);
    for (const site of sites) await site.approve('ImagiQ', 'chest');
    await finished(sites);
    await until('the hub has heard of it', async () => (await hub.status()).isFinished);
    // (30 × 0.5 + 10 × 1 + 10 × 2) / 50 in each of three rounds.
    for (const weight of sites.map(sharedWeight)) expect(weight).toBeCloseTo(2.7, 5);
    const rounds = sites[0]!.lineage('ImagiQ').filter(({ branch }) => branch === 'chain');
    expect(rounds.map(({ turn }) => turn)).toEqual([1, 2, 3]);
    expect(new Set(rounds.map(({ site }) => site)).size).toBe(3);
    for (const { parents } of rounds) expect(parents).toHaveLength(4);
  }, 120_000);

  it('another site takes the round of one that is away', async () => {
    const { hub, sites } = await sitesIn({ kind: 'rotating', patienceMs: 1_500 }, 3, [
      { name: 'Lyon', step: 0.5 },
      { name: 'Oslo', step: 1 },
      { name: 'Quito', step: 9 },
    ]);
    const [lyon, oslo, quito] = sites as [PracticeSite, PracticeSite, PracticeSite];
    await quito.close();
    for (const site of [lyon, oslo]) await site.approve('ImagiQ', 'chest');
    await finished([lyon, oslo]);
    await until('the hub has heard of it', async () => (await hub.status()).isFinished);
    expect(sharedWeight(lyon)).toBe(sharedWeight(oslo));
    expect(sharedWeight(lyon)).toBeGreaterThan(1.4);
  }, 120_000);
});

describe('members of a project without trunk', () => {
  it('that observe or declined are not waited for, and are given no model', async () => {
    const { hub, sites } = await sitesIn({ kind: 'rotating', patienceMs: 600_000 }, 2, [
      { name: 'Lyon', step: 0.5 },
      { name: 'Oslo', step: 1 },
      { name: 'Quito', step: 9 },
    ]);
    const [lyon, oslo, quito] = sites as [PracticeSite, PracticeSite, PracticeSite];
    const paris = await bench.site('Paris', practiceWork({ step: 0 }));
    await paris.join(await hub.createInvite({ role: 'observer' }));
    quito.decline('ImagiQ', 'the board said no');
    const stateOf = ({ folder }: PracticeSite) => {
      const federations = path.join(folder, 'federations');
      return readMembershipState(path.join(federations, readdirSync(federations)[0]!))!;
    };
    const bystanders = [quito.fingerprint, paris.fingerprint].sort();
    await until('both know who takes no part', () =>
      [lyon, oslo].every((site) => stateOf(site).bystanders.toSorted().join() === bystanders.join()),
    );
    for (const site of [lyon, oslo]) await site.approve('ImagiQ', 'chest');
    // Were they waited for, a round would take ten minutes.
    await finished([lyon, oslo]);
    expect([lyon, oslo].map(sharedWeight)).toEqual([1.5, 1.5]);
    for (const { recipients } of [lyon, oslo].flatMap((site) => stateOf(site).published)) {
      expect(recipients.filter((one) => bystanders.includes(one))).toEqual([]);
    }
    for (const site of [quito, paris]) expect(site.lineage('ImagiQ')).toEqual([]);
  }, 120_000);

  it('cannot end it by a last turn that nobody saw coming', async () => {
    const mode = { kind: 'cyclic', patienceMs: 600_000 } as const;
    const { hub, sites } = await sitesIn(mode, 30, [{ name: 'Lyon', step: 0.5 }]);
    const [lyon] = sites as [PracticeSite];
    const liar = bench.keep(await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Liar' }));
    const card = await until('the liar knows Lyon', () => {
      const lists = liar.heard.flatMap((news) => (news.kind === 'members-changed' ? news.members : []));
      return lists.map((member) => readSiteCard(member.card)).find(({ site }) => site === 'Lyon');
    });
    const weights = weightsOf(99);
    const model = createHash('sha256').update(weights).digest('hex');
    const { sealed, contentKey } = sealModel(weights, model);
    const sealedBlob = liar.blobs.put(sealed);
    const { statement } = rawModel(liar, practiceProject({ mode, commits: 30 }), {
      model,
      branch: 'chain',
      turn: 30,
      sealedBlob,
      sealedBytes: sealed.byteLength,
    });
    await liar.channel.putBlob(sealedBlob);
    const envelopes = [{ recipient: lyon.fingerprint, sealedKey: wrapKey(contentKey, card.boxPublicKey, model) }];
    await liar.channel.ask({ kind: 'model-published', model: statement, envelopes });
    await lyon.approve('ImagiQ', 'chest');
    await until('Lyon has opened it, and has nothing to do', () =>
      lyon.lineage('ImagiQ').some((one) => one.model === model && lyon.memberships()[0]!.activity === 'waiting'),
    );
    // It makes the turns of which it is the first in the order, and not the last one.
    expect(lyon.memberships()[0]!.trunkVersion).toBeLessThan(30);
    expect(lyon.memberships()[0]!.state).not.toBe('finished');
    expect(await hub.status()).toMatchObject({ isFinished: false });
  }, 60_000);
});

describe('gossip', () => {
  it('a site that comes late makes its turns, although its neighbours have ended and say nothing new', async () => {
    const { hub, sites } = await sitesIn({ kind: 'gossip', neighbours: 2, patienceMs: 600_000 }, 4, [
      { name: 'Lyon', step: 0.5 },
      { name: 'Oslo', step: 0.5 },
      { name: 'Quito', step: 0.5 },
    ]);
    const [lyon, oslo, quito] = sites as [PracticeSite, PracticeSite, PracticeSite];
    for (const site of [lyon, oslo]) await site.approve('ImagiQ', 'chest');
    await finished([lyon, oslo]);
    await quito.approve('ImagiQ', 'chest');
    await finished([quito]);
    expect(quito.memberships()[0]).toMatchObject({ trunkVersion: 4 });
    await until('the hub has heard of it', async () => (await hub.status()).isFinished);
  }, 120_000);

  it('four processes on a ring come together, the hub killed at the start', async () => {
    const turns = 6;
    const project = { mode: { kind: 'gossip', neighbours: 2, patienceMs: 3_000 } as Mode, commits: turns };
    const hub = kept(await startHubProcess({ folder: bench.folder(), port: 0, project }));
    const starters = [
      ['Lyon', 0],
      ['Oslo', 1],
      ['Perth', 2],
      ['Quito', 3],
    ] as const;
    const sites: PeerProcess[] = [];
    for (const [name, step] of starters) {
      sites.push(kept(await startPeer({ folder: bench.folder(), name, step, goal: 9, isListening: name !== 'Quito' })));
    }
    for (const [index, site] of sites.entries()) await site.order({ act: 'enter', invite: hub.invites[index]! });
    const seesAll = ({ membership }: PeerProcess): boolean =>
      membership !== null && membership.peers.length === 3 && membership.peers.every(({ route }) => route === 'direct');
    await until('each sees all on lines of their own', () => sites.every(seesAll), 60_000);
    for (const site of sites) await site.order({ act: 'approve' });
    await until(
      'all hold the first weights',
      () => sites.every(({ membership }) => membership!.history.length > 0),
      60_000,
    );
    await hub.kill();
    await until('all are done', () => sites.every(({ membership }) => membership!.trunkVersion === turns), 120_000);
    await until(
      'and measured',
      () => sites.every(({ membership }) => membership!.history.at(-1)!.trunkVersion === turns),
      60_000,
    );

    const values = await Promise.all(sites.map((site) => site.order<number>({ act: 'shared' })));
    // Each alone would have ended at turns × its step: 0, 6, 12, 18.
    expect(Math.max(...values) - Math.min(...values)).toBeLessThan(0.75 * 18);
    expect(values[0]).toBeGreaterThan(0);
    expect(values[3]).toBeLessThan(18);
    const { lineage } = await sites[0]!.order<{ lineage: Ancestor[] }>({ act: 'view' });
    const merges = lineage.filter(({ branch, parents }) => branch === 'gossip' && parents.length > 1);
    expect(merges.length).toBeGreaterThan(0);
    // Neighbours only: a model does not go to who is not on its edges.
    expect(
      new Set(lineage.filter(({ branch }) => branch === 'gossip').map(({ site }) => site)).size,
    ).toBeLessThanOrEqual(3);
  }, 300_000);
});
