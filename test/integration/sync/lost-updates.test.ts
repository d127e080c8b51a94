// One update that cannot be added up, or is not there any more, does not stop the others; nor does a commit that failed once.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { networkSchema } from '../../../src/contract/network.ts';
import { encodeTensorFile, float32Tensor } from '../../../src/contract/safetensors.ts';
import { decodeWeights } from '../../../src/sync/aggregation/weights.ts';
import { type Hub, openHub, type HubNews } from '../../../src/sync/hub/hub.ts';
import { hubLedgerEntriesIn } from '../../../src/sync/hub/ledger-in.ts';
import { firstWeight, openBench, practiceProject, practiceWork, until, weightsOf } from './federation-fixture.ts';
import { rawSite, type RawSite, rawUpdate } from './raw-site.ts';

const bench = openBench();
afterEach(() => bench.close());

async function hubWith(order: Omit<Parameters<typeof openHub>[0], 'port' | 'folder'>) {
  const folder = bench.folder();
  const hub = bench.keep(await openHub({ folder, port: 0, ...order }));
  const news: HubNews[] = [];
  hub.watch((piece) => void news.push(piece));
  const join = async (name: string): Promise<RawSite> =>
    bench.keep(await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name }));
  return { hub, folder, news, join };
}
const offering =
  (site: RawSite, project: Parameters<typeof rawUpdate>[1]) =>
  async (bytes: Uint8Array, changes: Parameters<typeof rawUpdate>[3] = {}): Promise<string> => {
    const { blob, signed } = rawUpdate(site, project, bytes, changes);
    await site.channel.putBlob(blob);
    await site.channel.ask({ kind: 'update-offered', update: signed });
    return blob;
  };

describe('statistics of batch norm that a site says it measured', () => {
  const network = networkSchema.parse({
    ...practiceProject().network,
    layers: [
      { op: 'batch-norm', id: 'norm', input: 'input' },
      { op: 'global-average-pool', id: 'pool', input: 'norm' },
      { op: 'dense', id: 'logits', input: 'pool', units: 'classes' },
    ],
  });
  const project = practiceProject({ network, rule: { bufferSize: 1 }, commits: 100 });
  const weights = (kernel: number, mean: number, variance: number): Uint8Array =>
    encodeTensorFile({
      tensors: new Map([
        ['logits.kernel', float32Tensor(new Float32Array(4).fill(kernel), [4])],
        ['norm.mean', float32Tensor(new Float32Array(2).fill(mean), [2])],
        ['norm.variance', float32Tensor(new Float32Array(2).fill(variance), [2])],
      ]),
      metadata: {},
    });
  const trunkOf = async (hub: Hub) => {
    const trunk = decodeWeights((await hub.trunkWeights())!);
    return ['norm.mean', 'norm.variance'].map((name) => trunk.get(name)!.values[0]!);
  };

  it('cannot be driven to where the next stale update stops the trunk: beyond the bound, or below zero, they are refused', async () => {
    const { hub, join, news } = await hubWith({ project, initialWeights: weights(0, 0, 1) });
    const offer = offering(await join('Lyon'), project);
    await offer(weights(0, 0, 2_000));
    for (const baseVersion of [1, 2, 3]) {
      await expect(offer(weights(baseVersion, 0, 2_000), { baseVersion })).rejects.toMatchObject({ code: 563 });
      // As large as one may be, both ways: the farthest apart that two honest ones can ever be.
      await offer(weights(baseVersion, baseVersion === 1 ? 2_048 : 0, 0), { baseVersion });
    }
    await expect(offer(weights(0, 0, -2))).rejects.toMatchObject({ code: 563, retry: 'never' });
    await expect(offer(weights(0, -2_048.5, 0))).rejects.toMatchObject({ code: 556 });
    expect(await trunkOf(hub)).toEqual([2_048, 2_001]);
    // What was measured from the first version, at the other end of what may be.
    await offer(weights(0.5, -2_048, -1));
    expect(await trunkOf(hub)).toEqual([-2_048, 0]);
    expect(news.filter(({ kind }) => kind === 'commit-failed')).toEqual([]);
  });
});

describe('a buffered update', () => {
  const project = practiceProject({ rule: { bufferSize: 3, rounds: true }, commits: 2 });

  it.each([
    ['is gone', (file: string) => rmSync(file), 'gone'],
    [
      'is cut off',
      (file: string) => writeFileSync(file, readFileSync(file).subarray(0, 20)),
      'changed on the hub’s disk',
    ],
  ])('whose file %s is discarded with an entry, and the others make the commit', async (_, damage, reason) => {
    const { hub, folder, news, join } = await hubWith({ project, initialWeights: weightsOf(0) });
    const [lyon, oslo, quito] = [await join('Lyon'), await join('Oslo'), await join('Quito')];
    const lost = await offering(lyon, project)(weightsOf(100));
    await offering(oslo, project)(weightsOf(1));
    damage(path.join(folder, 'blobs', lost.slice(0, 2), lost));
    await offering(quito, project)(weightsOf(3));
    expect(await hub.status()).toMatchObject({ trunkVersion: 1, bufferedUpdates: 0 });
    expect(firstWeight((await hub.trunkWeights())!)).toBe(2);
    expect(news.filter(({ kind }) => kind === 'update-lost')).toMatchObject([
      { site: 'Lyon', because: expect.stringContaining(reason) },
    ]);
    expect(await hubLedgerEntriesIn(folder, 9, ({ act }) => act === 'updates-discarded')).toMatchObject([
      { detail: { from: 'Lyon', updates: 1, reason: expect.stringContaining(reason) } },
    ]);
  });

  it('is waited for in vain by a rule that needs more sites than are left: these wait for others', async () => {
    const robust = practiceProject({
      rule: { bufferSize: 3, combination: { kind: 'median' }, staleness: { kind: 'constant' } },
    });
    const { hub, folder, join } = await hubWith({ project: robust, initialWeights: weightsOf(0) });
    const sites = [await join('Lyon'), await join('Oslo'), await join('Quito'), await join('Turin')];
    const offer = (index: number): Promise<string> => offering(sites[index]!, robust)(weightsOf(index + 1));
    const lost = await offer(0);
    await offer(1);
    rmSync(path.join(folder, 'blobs', lost.slice(0, 2), lost));
    await offer(2);
    expect(await hub.status()).toMatchObject({ trunkVersion: 0, bufferedUpdates: 2 });
    await offer(3);
    expect(await hub.status()).toMatchObject({ trunkVersion: 1, bufferedUpdates: 0 });
    expect(firstWeight((await hub.trunkWeights())!)).toBe(3);
  });
});

describe('a commit that failed', () => {
  it('is tried again by itself: in synchronous rounds nobody has another update to send', async () => {
    const project = practiceProject({ rule: { bufferSize: 2, rounds: true }, commits: 2 });
    let failures = 0;
    const onStep = (step: string): void => {
      if (step !== 'trunk-blob-written' || failures > 0) return;
      failures += 1;
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    };
    const { hub, news } = await hubWith({ project, initialWeights: weightsOf(0), onStep });
    for (const name of ['Lyon', 'Oslo']) {
      const site = await bench.site(name, practiceWork({ step: 1 }));
      await site.join(await hub.createInvite());
      await until('the project is announced', () => site.memberships()[0]?.project);
      await site.approve('ImagiQ', 'chest');
    }
    await until('the project is finished', () => news.some((one) => 'isFinished' in one && one.isFinished), 30_000);
    expect(news.filter(({ kind }) => kind === 'commit-failed')).toHaveLength(1);
    expect(await hub.status()).toMatchObject({ trunkVersion: 2, acceptedUpdates: 4 });
  }, 60_000);
});
