// FedBN at a real hub: what normalisation layers hold stays at each site, across commits, kills of the site and a lost state.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { projectSchema, type Project } from '../../../src/contract/federation.ts';
import { decodeTensorFile } from '../../../src/contract/safetensors.ts';
import { decodeWeights, encodeWeights, type Weights } from '../../../src/sync/aggregation/weights.ts';
import { openHub, type Hub } from '../../../src/sync/hub/hub.ts';
import type { SiteWork } from '../../../src/sync/site/site-work.ts';
import { openBench, practiceProject, practiceWork, until } from './federation-fixture.ts';

const bench = openBench();
afterEach(() => bench.close());

const network = {
  name: 'normed',
  description: 'A norm and a dense layer',
  input: { height: 8, width: 8, channels: 1 },
  layers: [
    { op: 'batch-norm', id: 'norm', input: 'input' },
    { op: 'global-average-pool', id: 'pool', input: 'norm' },
    { op: 'dense', id: 'logits', input: 'pool', units: 'classes' },
  ],
  output: 'logits',
};
const project = (changes: object = {}): Project =>
  projectSchema.parse({
    ...practiceProject({ commits: 4, peerModels: false }),
    network,
    siteNormalisation: true,
    ...changes,
  });
const homeNames = ['norm.scale', 'norm.offset', 'norm.mean', 'norm.variance'];
const shapes = [{ name: 'logits.kernel', shape: [64] }, ...homeNames.map((name) => ({ name, shape: [1] }))];
const weights = (value: number): Uint8Array =>
  encodeWeights(
    new Map(shapes.map(({ name, shape }) => [name, { shape, values: new Float32Array(shape[0]!).fill(value) }])),
  );
const valueOf = (bytes: Uint8Array | Weights, name: string): number =>
  (bytes instanceof Uint8Array ? decodeWeights(bytes) : bytes).get(name)!.values[0]!;

interface Seen {
  /** `norm.scale` of what each training started from, and of each trunk that was measured. */
  readonly trainedFrom: number[];
  readonly measured: { scale: number; kernel: number }[];
}

/** Adds 1 to the kernel and `norm` to everything of the normalisation. */
function work(norm: number): SiteWork & Seen {
  const seen: Seen = { trainedFrom: [], measured: [] };
  const practice = practiceWork({ step: 0 });
  return {
    ...practice,
    ...seen,
    layoutOf: () => shapes,
    async trainUpdate({ trunkWeights }) {
      seen.trainedFrom.push(valueOf(trunkWeights, 'norm.scale'));
      const moved = [...decodeWeights(trunkWeights)].map(
        ([name, { shape, values }]): [string, Weights extends ReadonlyMap<string, infer T> ? T : never] => [
          name,
          { shape, values: values.map((value) => value + (homeNames.includes(name) ? norm : 1)) },
        ],
      );
      return { weights: encodeWeights(new Map(moved)), examples: 10, loss: 0.5 };
    },
    evaluate(order) {
      seen.measured.push({
        scale: valueOf(order.weights, 'norm.scale'),
        kernel: valueOf(order.weights, 'logits.kernel'),
      });
      return practice.evaluate(order);
    },
  };
}

const openPracticeHub = (of: Project, folder = bench.folder()): Promise<Hub> =>
  openHub({ folder, port: 0, project: of, initialWeights: weights(1) });

describe('a project whose normalisation stays at the sites', () => {
  it('moves the rest of the trunk, and each site goes on with its own, also after it was closed', async () => {
    const hub = bench.keep(await openPracticeHub(project()));
    const [lyonWork, osloWork] = [work(100), work(-7)];
    const folder = bench.folder();
    let lyon = await bench.site('Lyon', lyonWork, folder);
    const oslo = await bench.site('Oslo', osloWork);
    for (const site of [lyon, oslo]) {
      const { federation } = await site.join(await hub.createInvite());
      await until('the project is here', () => site.memberships()[0]?.project);
      await site.approve(federation, 'chest');
    }
    await until('a first trunk', async () => (await hub.status()).trunkVersion >= 1);
    await lyon.close();
    lyon = await bench.site('Lyon', lyonWork, folder);
    await until(
      'finished',
      () => lyon.memberships()[0]?.state === 'finished' && oslo.memberships()[0]?.state === 'finished',
    );

    const trunk = decodeWeights((await hub.trunkWeights())!);
    for (const name of homeNames) expect(valueOf(trunk, name)).toBe(1);
    expect(valueOf(trunk, 'logits.kernel')).toBe(5);
    // Each goes on from where its last training ended, never from the other's.
    const turns = (norm: number, count: number): number[] =>
      Array.from({ length: count }, (_, turn) => 1 + norm * turn);
    expect(lyonWork.trainedFrom).toEqual(turns(100, lyonWork.trainedFrom.length));
    expect(osloWork.trainedFrom).toEqual(turns(-7, osloWork.trainedFrom.length));
    expect(lyonWork.trainedFrom.length).toBeGreaterThan(1);
    // What it measures, and gives out as the trunk, has its own too.
    expect(lyonWork.measured.at(-1)).toEqual({ scale: expect.any(Number), kernel: 5 });
    expect(lyonWork.measured.at(-1)!.scale).toBeGreaterThan(100);
    expect(osloWork.measured.at(-1)!.scale).toBeLessThan(-5);
  });

  it('sends updates without it, and under secure aggregation sums without it', async () => {
    const hub = bench.keep(
      await openPracticeHub(project({ trunkRule: { bufferSize: 3 }, commits: 1, secureAggregation: { threshold: 3 } })),
    );
    const sites = await Promise.all(['Lyon', 'Oslo', 'Quito'].map((name) => bench.site(name, work(50))));
    for (const site of sites) {
      const { federation } = await site.join(await hub.createInvite());
      await until('the project is here', () => site.memberships()[0]?.project);
      await site.approve(federation, 'chest');
    }
    await until('a commit', async () => (await hub.status()).trunkVersion === 1, 60_000);
    const trunk = decodeWeights((await hub.trunkWeights())!);
    expect(valueOf(trunk, 'logits.kernel')).toBeCloseTo(2, 5);
    expect(valueOf(trunk, 'norm.mean')).toBe(1);
    for (const { ledger } of sites) {
      const sent = ledger.filter(({ act }) => act === 'update-sent').map(({ detail }) => detail['bytes']);
      expect(new Set(sent)).toEqual(new Set([64 * 4]));
    }
  });

  it('gives the hub no tensor of it', async () => {
    const folder = bench.folder();
    const hub = bench.keep(await openPracticeHub(project({ trunkRule: { bufferSize: 9 } }), folder));
    const site = await bench.site('Lyon', work(3));
    const { federation } = await site.join(await hub.createInvite());
    await until('the project is here', () => site.memberships()[0]?.project);
    await site.approve(federation, 'chest');
    await until('an update waits', async () => (await hub.status()).bufferedUpdates > 0);
    const blob = String(site.ledger.find(({ act }) => act === 'update-sent')!.detail['blob']);
    const file = path.join(folder, 'blobs', blob.slice(0, 2), blob);
    expect([...decodeTensorFile(readFileSync(file)).tensors.keys()]).toEqual(['logits.kernel']);
  });

  it('is refused where whole models travel, and where no layer could stay', async () => {
    const refused = (changes: object): Promise<unknown> => openPracticeHub(project(changes));
    await expect(refused({ mode: { kind: 'gossip' } })).rejects.toMatchObject({
      code: 524,
      message: expect.stringContaining('leave siteNormalisation out'),
    });
    await expect(refused({ network: practiceProject().network })).rejects.toMatchObject({
      code: 524,
      message: expect.stringContaining('no normalisation layer'),
    });
  });
});
