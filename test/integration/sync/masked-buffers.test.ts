import { afterEach, describe, expect, it } from 'vitest';
import { openHub, type Hub, type HubNews } from '../../../src/sync/hub/hub.ts';
import { openCommit } from '../../../src/sync/aggregation/trunk-commit.ts';
import { decodeWeights, encodeWeights, type Weights } from '../../../src/sync/aggregation/weights.ts';
import type { Project } from '../../../src/contract/federation.ts';
import { networkSchema } from '../../../src/contract/network.ts';
import type { SiteWork } from '../../../src/sync/site/site-work.ts';
import { openBench, practiceProject, practiceWork, type PracticeSite, until, weightsOf } from './federation-fixture.ts';

const bench = openBench();
afterEach(() => bench.close());

const secure = { updateCodec: 'float32', secureAggregation: { threshold: 3, stepMs: 60_000 } } as const;
const names = ['Lyon', 'Oslo', 'Quito', 'Porto', 'Turin'];

async function newHub(project: Project, initialWeights = weightsOf(0)): Promise<Hub & { news: HubNews[] }> {
  const hub = bench.keep(await openHub({ folder: bench.folder(), port: 0, project, initialWeights }));
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

describe('a project with secure aggregation', () => {
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
    await refused({ updateCodec: 'float16' }, 'set updateCodec to "float32"');
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
