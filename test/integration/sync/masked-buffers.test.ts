import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openHub, type Hub, type HubNews } from '../../../src/sync/hub/hub.ts';
import { openCommit } from '../../../src/sync/aggregation/trunk-commit.ts';
import { decodeWeights, encodeWeights, type Weights } from '../../../src/sync/aggregation/weights.ts';
import type { Project } from '../../../src/contract/federation.ts';
import { networkSchema } from '../../../src/contract/network.ts';
import type { SiteWork } from '../../../src/sync/site/site-work.ts';
import {
  firstWeight,
  openBench,
  practiceProject,
  practiceWork,
  type PracticeSite,
  until,
  weightsOf,
} from './federation-fixture.ts';
import { type PostgresCluster, postgresMissing, startPostgres } from './postgres-cluster.ts';

const bench = openBench();
afterEach(() => bench.close());

const secure = { updateCodec: 'float32', secureAggregation: { threshold: 3, stepMs: 60_000 } } as const;
const names = ['Lyon', 'Oslo', 'Quito', 'Porto', 'Turin'];

let cluster: PostgresCluster | null = null;
afterAll(() => cluster?.close());
/** Where the hub of a test keeps its rows: in its folder, or in a database with the blobs in a folder that hubs share. */
let newPlace: () => Promise<{ readonly postgres?: string; readonly blobs?: string }> = async () => ({});
const databases = [
  { database: 'SQLite', missing: null, placeOf: async () => ({}) },
  {
    database: 'PostgreSQL',
    missing: postgresMissing,
    placeOf: async () => ({ postgres: await cluster!.newDatabase(), blobs: bench.folder() }),
  },
];
function over({ missing, placeOf }: (typeof databases)[number]): void {
  beforeEach((context) => context.skip(missing !== null, missing ?? ''));
  beforeAll(async () => {
    newPlace = placeOf;
    if (placeOf === databases[1]!.placeOf && missing === null) cluster ??= await startPostgres();
  }, 120_000);
}

async function newHub(project: Project, initialWeights = weightsOf(0)): Promise<Hub & { news: HubNews[] }> {
  const place = await newPlace();
  const hub = bench.keep(await openHub({ folder: bench.folder(), port: 0, project, initialWeights, ...place }));
  const news: HubNews[] = [];
  hub.watch((one) => news.push(one));
  return Object.assign(hub, { news });
}
async function joined(hub: Hub, name: string, work: SiteWork): Promise<PracticeSite> {
  const site = await bench.site(name, work);
  await site.join(await hub.createInvite());
  await until('the project is announced', () => site.memberships()[0]?.project);
  await site.approve('ImagiQ', 'chest');
  return site;
}
/** Weights are moved to `trained(trunk, site)`: a training that a test can foresee. */
const workOf = (index: number, trained: (trunk: Weights, index: number) => Weights): SiteWork => ({
  ...practiceWork({ step: 1 }),
  trainUpdate: async ({ trunkWeights }) => ({
    weights: encodeWeights(trained(decodeWeights(trunkWeights), index)),
    examples: 10 + 23 * index,
    loss: 0.5,
  }),
});

describe.each(databases)('a project with secure aggregation, on $database', (place) => {
  over(place);

  it('ends at the trunk that open updates make, to within the rounding of the ring: clipped, with statistics and momentum', async () => {
    // The second tensor is a batch norm's statistic: measured, not trained; its spread is that of another scale.
    const layout = (kernel: (i: number) => number, variance: (i: number) => number): Weights =>
      new Map([
        ['logits.kernel', { shape: [40], values: Float32Array.from({ length: 40 }, (_, i) => kernel(i)) }],
        ['norm.variance', { shape: [8], values: Float32Array.from({ length: 8 }, (_, i) => variance(i)) }],
      ]);
    const trained = (trunk: Weights, index: number): Weights =>
      layout(
        (i) => trunk.get('logits.kernel')!.values[i]! + Math.sin(i + 3 * index) * (index + 1) * 0.1,
        (i) => 40 + 7 * index + i,
      );
    const base = layout(
      () => 0,
      () => 1,
    );
    const network = networkSchema.parse({
      ...practiceProject().network,
      layers: [
        { op: 'batch-norm', id: 'norm', input: 'input' },
        { op: 'global-average-pool', id: 'pool', input: 'norm' },
        { op: 'dense', id: 'logits', input: 'pool', units: 'classes' },
      ],
    });
    const project = practiceProject({
      ...secure,
      network,
      rule: { bufferSize: 4, clipNorm: 0.9, serverOptimizer: { kind: 'sgd', momentum: 0.5 } },
      commits: 3,
    });
    const hub = await newHub(project, encodeWeights(base));
    const sites = await Promise.all(names.slice(0, 4).map((name, index) => joined(hub, name, workOf(index, trained))));
    await until('the project is finished', () => hub.news.find((one) => 'isFinished' in one && one.isFinished), 60_000);

    let open: { weights: Weights; optimizerState: Weights | null } = { weights: base, optimizerState: null };
    for (let commit = 0; commit < 3; commit += 1) {
      const plain = openCommit({
        base: open.weights,
        contributions: names.slice(0, 4).map((site, index) => ({
          id: site,
          site,
          examples: 10 + 23 * index,
          stalenessCommits: 0,
        })),
        rule: project.trunkRule,
        statistics: new Set(['norm.mean', 'norm.variance']),
        optimizerState: open.optimizerState,
      });
      names.slice(0, 4).forEach((site, index) => {
        const after = trained(open.weights, index);
        const update = new Map(
          [...after].map(([name, { shape, values }]) => [
            name,
            { shape, values: values.map((value, i) => value - open.weights.get(name)!.values[i]!) },
          ]),
        );
        plain.add(site, update);
      });
      open = plain.finish();
    }
    const masked = decodeWeights((await hub.trunkWeights())!);
    for (const [name, { values }] of open.weights) {
      masked.get(name)!.values.forEach((value, i) => {
        // Half a unit of each of four sites in each of three commits, twice that with the momentum; and float32 of numbers near 50.
        expect(Math.abs(value - values[i]!)).toBeLessThan((3 * 2 * 4 * 0.5) / 2 ** 22 + 2e-5);
      });
    }
    expect(Math.abs(open.weights.get('logits.kernel')!.values[3]!)).toBeGreaterThan(0.05);
    for (const site of sites) {
      const sent = site.ledger.filter(({ act }) => act === 'update-sent');
      expect(sent.length).toBeGreaterThanOrEqual(3);
      expect(sent.every(({ detail }) => detail['masked'] === true && detail['bytes'] === 48 * 4)).toBe(true);
    }
    expect(hub.news.filter(({ kind }) => kind === 'masked-buffer-given-up' || kind === 'failed')).toEqual([]);
    expect(await hub.status()).toMatchObject({ acceptedUpdates: 12, trunkVersion: 3 });
  });

  it('is refused where its promise could not be kept, with what to change', async () => {
    const refused = async (changes: Parameters<typeof practiceProject>[0], reason: string): Promise<void> => {
      const project = practiceProject({ ...secure, ...changes, rule: { bufferSize: 4, ...changes?.rule } });
      await expect(
        openHub({ folder: bench.folder(), port: 0, project, initialWeights: weightsOf(0) }),
      ).rejects.toMatchObject({ code: 524, message: expect.stringContaining(reason) });
    };
    const constant = { kind: 'constant' } as const;
    await refused({ rule: { combination: { kind: 'median' }, staleness: constant } }, 'only their sum is ever seen');
    await refused(
      { rule: { combination: { kind: 'trimmed-mean', trimShare: 0.3 }, staleness: constant } },
      'secure aggregation hides them',
    );
    await refused(
      { rule: { combination: { kind: 'krum', byzantine: 0, kept: 1 }, staleness: constant } },
      'leave secureAggregation out',
    );
    await refused({ rule: { maxUpdateNorm: 5 } }, 'leave trunkRule.maxUpdateNorm out');
    await refused({ updateCodec: 'float16' }, 'set updateCodec to "float32"');
    await refused({ mode: { kind: 'cyclic', patienceMs: 60_000 } }, 'set mode to {"kind": "trunk"}');
    await refused({ secureAggregation: { threshold: 2, stepMs: 1_000 } }, 'threshold to 3…4');
    await refused({ secureAggregation: { threshold: 5, stepMs: 1_000 } }, 'threshold to 3…4');
    await refused({ rule: { bufferSize: 2 } }, 'buffers of 3 to 40 sites');
    await refused({ rule: { bufferSize: 41 } }, 'buffers of 3 to 40 sites');
    await refused(
      { secureAggregation: { threshold: 2, stepMs: 1_000 }, rule: { bufferSize: 3 } },
      'set it to 3 or more',
    );
    await refused({ rule: { deadlineMs: 1_000, quorum: 2 } }, 'set quorum to 3 or more');
  });
});

describe.each(databases)('sites that drop out of a masked buffer, on $database', (place) => {
  over(place);
  const names = Array.from({ length: 10 }, (_, index) => `Site ${index}`);
  const rule = { bufferSize: 10 };

  /** Ten sites, of which those of `gone` end, for good, when they were to send their masked update. */
  async function tenSites(hub: Hub, gone: readonly number[]): Promise<PracticeSite[]> {
    return Promise.all(
      names.map(async (name, index) => {
        const work = practiceWork({ step: 0.1 * (index + 1), examples: 10 + index });
        const site: PracticeSite = await bench.site(name, work, bench.folder(), (act) => {
          if (act !== 'update-sent' || !gone.includes(index)) return;
          void site.close();
          throw new Error('this machine goes down');
        });
        await site.join(await hub.createInvite());
        await until('the project is announced', () => site.memberships()[0]?.project, 60_000);
        await site.approve('ImagiQ', 'chest');
        return site;
      }),
    );
  }

  it('are done without: three of ten, and the sum is that of the other seven', async () => {
    const project = practiceProject({
      ...secure,
      rule,
      commits: 1,
      secureAggregation: { threshold: 6, stepMs: 15_000 },
      peerModels: false,
    });
    const hub = await newHub(project);
    const gone = [0, 4, 9];
    await tenSites(hub, gone);
    const committed = await until('the commit', () => hub.news.find(({ kind }) => kind === 'trunk-committed'), 120_000);
    expect(committed).toMatchObject({ updates: 7, isFinished: true });
    const left = names.map((_, index) => index).filter((index) => !gone.includes(index));
    const expected =
      left.reduce((sum, index) => sum + 0.1 * (index + 1) * (10 + index), 0) /
      left.reduce((sum, index) => sum + 10 + index, 0);
    const found = decodeWeights((await hub.trunkWeights())!).get('logits.kernel')!.values[0]!;
    // Seven roundings of half a unit, stretched to the whole by the shares of the three that are missing.
    expect(Math.abs(found - expected)).toBeLessThan((7 * 0.5 * 1.6) / 2 ** 22 + 1e-7);
    expect(await hub.status()).toMatchObject({ acceptedUpdates: 7 });
  }, 180_000);

  it('end the buffer when too few are left: nothing is opened, and all are told', async () => {
    const project = practiceProject({
      ...secure,
      rule,
      commits: 1,
      secureAggregation: { threshold: 8, stepMs: 15_000 },
      peerModels: false,
    });
    const hub = await newHub(project);
    const sites = await tenSites(hub, [1, 2, 3]);
    const ended = await until(
      'the buffer is given up',
      () => hub.news.find((one) => one.kind === 'masked-buffer-given-up'),
      120_000,
    );
    expect(ended).toMatchObject({ fault: { code: 588, retry: 'later' } });
    await until('the others are told', () => sites[0]!.memberships()[0]?.reason?.includes('Only 7 of the 8') === true);
    expect(sites[0]!.ledger.filter(({ act }) => act === 'masks-revealed')).toEqual([]);
    // Not lost: it waits in the spool, offered anew, for a buffer of ten.
    expect(sites[0]!.memberships()[0]?.updates).toEqual({ accepted: 0, refused: 0, discarded: 0, spooled: 1 });
    expect(await hub.status()).toMatchObject({ acceptedUpdates: 0, trunkVersion: 0 });
  }, 180_000);

  it.each([
    ['revoked', 598],
    ['declined', 598],
  ])(
    'or %s before the masks are asked for: nothing of it is counted, and the others begin anew',
    async (how, code) => {
      const project = practiceProject({ ...secure, rule: { bufferSize: 4 }, commits: 1, peerModels: false });
      const hub = await newHub(project);
      let isHeld = true;
      const sites: PracticeSite[] = [];
      for (const index of [0, 1, 2, 3]) {
        // The last has no room for its ledger until it is let go on: the buffer waits for it.
        const hold = (act: string): void => {
          if (act === 'update-sent' && index === 3 && isHeld) throw new Error('no space left on device');
        };
        const site = await bench.site(names[index]!, practiceWork({ step: 0.1 * (index + 1) }), bench.folder(), hold);
        await site.join(await hub.createInvite());
        await until('the project is announced', () => site.memberships()[0]?.project, 60_000);
        await site.approve('ImagiQ', 'chest');
        sites.push(site);
      }
      const arrived = (): number => hub.news.filter(({ kind }) => kind === 'masked-update-arrived').length;
      await until('three of four have sent', () => arrived() === 3, 60_000);
      if (how === 'revoked') await hub.endMembership(names[0]!, { kind: 'revoked', because: 'the laptop was stolen' });
      else sites[0]!.decline('ImagiQ', 'the board said no');
      const ended = await until(
        'the buffer is given up',
        () => hub.news.find((one) => one.kind === 'masked-buffer-given-up'),
        60_000,
      );
      expect(ended).toMatchObject({ fault: { code, message: expect.stringContaining(names[0]!) } });
      isHeld = false;
      const fifth = await joined(hub, 'Fifth', practiceWork({ step: 0.5 }));
      await until(
        'the project is finished',
        () => hub.news.find((one) => 'isFinished' in one && one.isFinished),
        90_000,
      );
      expect(Math.abs(firstWeight((await hub.trunkWeights())!) - (0.2 + 0.3 + 0.4 + 0.5) / 4)).toBeLessThan(1e-5);
      await until('the last hears that it is counted', () => fifth.memberships()[0]?.updates.accepted === 1);
      expect(await hub.status()).toMatchObject({ acceptedUpdates: 4 });
    },
    180_000,
  );

  it('whose disk is full say so, keep their line, and help to take the masks off when there is room again', async () => {
    const project = practiceProject({
      ...secure,
      rule: { bufferSize: 3 },
      commits: 1,
      secureAggregation: { threshold: 3, stepMs: 60_000 },
      peerModels: false,
    });
    const hub = await newHub(project);
    let isFull = true;
    const room = (act: string): void => {
      if (isFull && act.startsWith('mask') && act !== 'masked-buffer-joined')
        throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    };
    await Promise.all([0, 1].map((index) => joined(hub, names[index]!, practiceWork({ step: 0.1 }))));
    const full = await bench.site(names[2]!, practiceWork({ step: 0.1 }), bench.folder(), room);
    await full.join(await hub.createInvite());
    await until('the project is announced', () => full.memberships()[0]?.project);
    await full.approve('ImagiQ', 'chest');
    await until('it says so', () => full.memberships()[0]?.reason?.includes('The disk is full'), 60_000);
    isFull = false;
    await until('the project is finished', () => hub.news.find((one) => 'isFinished' in one && one.isFinished), 60_000);
    await until('its update is counted', () => full.memberships()[0]?.updates.accepted === 1);
    expect(full.ledger.filter(({ act }) => act === 'masks-revealed')).toHaveLength(1);
    expect(hub.news.filter(({ kind }) => kind === 'site-offline' || kind === 'masked-buffer-refused')).toEqual([]);
  }, 180_000);

  it('are waited for where a project begins with more sites than could take the masks off', async () => {
    const project = practiceProject({
      ...secure,
      rule: { bufferSize: 4, deadlineMs: 200, quorum: 3 },
      sitesToStart: 4,
      commits: 2,
      secureAggregation: { threshold: 3, stepMs: 2_000 },
      peerModels: false,
    });
    const hub = await newHub(project);
    const buffers = (): readonly (readonly string[])[] =>
      hub.news.flatMap((one) => (one.kind === 'masked-buffer-opened' ? [one.sites] : []));
    const work = (index: number): SiteWork => practiceWork({ step: 0.1 * (index + 1) });
    const three = await Promise.all(names.slice(0, 3).map((name, index) => joined(hub, name, work(index))));
    await until('the three have trained', () =>
      three.every((site) => site.memberships()[0]?.updates.spooled === 1 && site.memberships()[0]?.state === 'online'),
    );
    // The deadline and the quorum of three do not begin a project that asks for four.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect([buffers(), (await hub.status()).trunkVersion]).toEqual([[], 0]);
    // Nor is a fourth that drops out counted as delivered: three could take the masks off, and do not.
    const dropping: PracticeSite = await bench.site('Dropping', work(3), bench.folder(), (act) => {
      if (act !== 'update-sent') return;
      void dropping.close();
      throw new Error('this machine goes down');
    });
    await dropping.join(await hub.createInvite());
    await until('the project is announced', () => dropping.memberships()[0]?.project);
    await dropping.approve('ImagiQ', 'chest');
    const ended = await until(
      'the buffer is given up',
      () => hub.news.find((one) => one.kind === 'masked-buffer-given-up'),
      60_000,
    );
    expect(ended).toMatchObject({ fault: { code: 588, message: expect.stringContaining('Only 3 of the 4') } });
    expect((await hub.status()).trunkVersion).toBe(0);
    // With four that deliver it begins; the second commit may come from the quorum.
    await joined(hub, 'Fourth', work(4));
    const first = await until('the commit', () => hub.news.find(({ kind }) => kind === 'trunk-committed'), 60_000);
    expect(first).toMatchObject({ version: 1, updates: 4 });
  }, 180_000);

  it('and one that comes late to a full buffer waits for the next', async () => {
    const project = practiceProject({ ...secure, rule: { bufferSize: 3 }, commits: 3, peerModels: false });
    const hub = await newHub(project);
    const work = (index: number) => practiceWork({ step: 0.1 * (index + 1) });
    const three = await Promise.all(names.slice(0, 3).map((name, index) => joined(hub, name, work(index))));
    await until('the first buffer is open', () => hub.news.find(({ kind }) => kind === 'masked-buffer-opened'), 60_000);
    const late = await joined(hub, 'Late', work(5));
    await until('the project is finished', () => hub.news.find((one) => 'isFinished' in one && one.isFinished), 90_000);
    const buffers = hub.news.flatMap((one) => (one.kind === 'masked-buffer-opened' ? [one.sites] : []));
    expect(buffers[0]).not.toContain('Late');
    expect(buffers).toHaveLength(3);
    await until('the late one is done', () => late.memberships()[0]?.state === 'finished', 30_000);
    const accepted = [...three, late].map((site) => site.memberships()[0]!.updates.accepted);
    expect(accepted.reduce((sum, one) => sum + one, 0)).toBe(9);
  }, 180_000);
});

describe.each(databases)('what the hub has on its disk in the middle of a masked buffer, on $database', (place) => {
  over(place);

  it('tells nothing of an update: its bytes are as even as random ones, where those of the update are all alike', async () => {
    const parameters = 20_000;
    const project = practiceProject({ ...secure, rule: { bufferSize: 3 }, commits: 1, peerModels: false });
    const folder = bench.folder();
    const rows = await newPlace();
    const blobs = rows.blobs ?? path.join(folder, 'blobs');
    const stored: Uint8Array[] = [];
    const hub = bench.keep(
      await openHub({
        folder,
        ...rows,
        port: 0,
        project,
        initialWeights: weightsOf(0, parameters),
        onStep(step) {
          if (step !== 'unmasking-asked') return;
          for (const name of readdirSync(blobs, { recursive: true, encoding: 'utf8' })) {
            const file = path.join(blobs, name);
            if (statSync(file).isFile() && statSync(file).size === parameters * 4) stored.push(readFileSync(file));
          }
        },
      }),
    );
    const committed = new Promise<void>((resolve) =>
      hub.watch((news) => void (news.kind === 'trunk-committed' && resolve())),
    );
    await Promise.all(['Lyon', 'Oslo', 'Quito'].map((name) => joined(hub, name, practiceWork({ step: 0.25 }))));
    await committed;
    expect(stored).toHaveLength(3);
    for (const bytes of stored) {
      const counts = new Float64Array(256);
      for (const byte of bytes) counts[byte]! += 1;
      const expected = bytes.length / 256;
      const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
      // 255 degrees of freedom: mean 255, standard deviation 22.6. The update by itself, 4 bytes again and again, has 5 million.
      expect(chiSquare).toBeLessThan(255 + 6 * 22.6);
    }
    // All three updates are equal; what stands for them is not.
    expect(stored[0]!.filter((byte, index) => byte === stored[1]![index]).length).toBeLessThan(
      bytesAlike(parameters * 4),
    );
    expect(decodeWeights((await hub.trunkWeights())!).get('logits.kernel')!.values[7]).toBeCloseTo(0.25, 6);
  }, 120_000);
  /** One in 256 by chance, and six standard deviations. */
  const bytesAlike = (bytes: number): number => bytes / 256 + 6 * Math.sqrt(bytes / 256);
});
