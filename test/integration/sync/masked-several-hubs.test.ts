// Secure aggregation where several hub processes share one PostgreSQL database: a buffer's sites may be connected to different hubs, and
// a hub may die at any step of it (fault 23, with masks).
import { cpSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openHub } from '../../../src/sync/hub/hub.ts';
import type { HubStep } from '../../../src/sync/hub/hub-step.ts';
import { firstWeight, openBench, practiceWork, type PracticeSite, until } from './federation-fixture.ts';
import { forkHub, type ForkedHub, type ForkedHubOrder } from './forked-hub.ts';
import { oneAddress } from './one-address.ts';
import { type PostgresCluster, postgresMissing, startPostgres } from './postgres-cluster.ts';

const bench = openBench();
let cluster: PostgresCluster;
beforeEach((context) => context.skip(postgresMissing !== null, postgresMissing ?? ''));
beforeAll(async () => {
  if (postgresMissing === null) cluster = await startPostgres();
}, 120_000);
afterEach(() => bench.close());
afterAll(() => cluster?.close());

const steps = [0.1, 0.2, 0.3, 0.4];
const commits = 2;
const project = {
  // A site may train from the trunk that it has while a hub is away; here that is to count the same.
  rule: { bufferSize: steps.length, staleness: { kind: 'constant' as const } },
  commits,
  updateCodec: 'float32' as const,
  // Longer than the test: no step ends because its time is over.
  secureAggregation: { threshold: 3, stepMs: 600_000 },
  peerModels: false,
};
/** Every commit of all four moves each weight by the mean of what they trained. */
const trained = (commits * steps.reduce((sum, step) => sum + step, 0)) / steps.length;

/** Two hubs behind one address, and four sites that joined there, in order. */
async function federation(first: Partial<ForkedHubOrder>, leadTo: (a: ForkedHub, b: ForkedHub) => number[]) {
  const address = await oneAddress(bench);
  const shared = {
    postgres: await cluster.newDatabase(),
    blobs: bench.folder(),
    leaseMs: 1_500,
    publicUrl: address.url,
    project,
  };
  const folder = bench.folder();
  const a = await forkHub(bench, { folder, ...shared, ...first });
  const folderWithKeys = (): string => {
    const other = bench.folder();
    cpSync(path.join(folder, 'hub-keys.json'), path.join(other, 'hub-keys.json'));
    return other;
  };
  const b = await forkHub(bench, { folder: folderWithKeys(), ...shared });
  address.leadTo(leadTo(a, b));
  const sites: PracticeSite[] = [];
  for (const [index, step] of steps.entries()) {
    const site = await bench.site(`Site ${index}`, practiceWork({ step }));
    await site.join(a.invites[index]!);
    await until('the project is announced', () => site.memberships()[0]?.project);
    sites.push(site);
  }
  for (const site of sites) await site.approve('ImagiQ', 'chest');
  const finished = async (): Promise<void> => {
    await until('every site is done', () => sites.every((site) => site.memberships()[0]?.state === 'finished'), 90_000);
    await until('each has its receipts, once', () =>
      sites.every((site) => site.memberships()[0]!.updates.accepted === commits),
    );
    const { postgres, blobs } = shared;
    const third = bench.keep(await openHub({ folder: folderWithKeys(), postgres, blobs, port: 0 }));
    expect(await third.status()).toMatchObject({ trunkVersion: commits, acceptedUpdates: commits * steps.length });
    expect(firstWeight((await third.trunkWeights())!)).toBeCloseTo(trained, 5);
  };
  return { address, a, b, finished };
}

describe('a masked buffer whose sites are connected to two hubs', () => {
  it('is opened, dealt, filled and unmasked as by one, and each update is counted once', async () => {
    const { a, b, finished } = await federation({}, (one, other) => [one.port, other.port]);
    await finished();
    for (const { news } of [a, b]) {
      expect(news.filter(({ kind }) => kind === 'site-online').length).toBeGreaterThan(0);
      expect(news.filter(({ kind }) => kind === 'failed' || kind === 'masked-buffer-failed')).toEqual([]);
    }
    const opened = [a, b].flatMap(({ news }) => news.filter(({ kind }) => kind === 'masked-buffer-opened'));
    expect(opened).toHaveLength(commits);
  }, 180_000);
});

describe('a hub that is killed in the middle of a masked buffer', () => {
  it.each<[HubStep, number]>([
    ['masked-buffer-opened', 1],
    ['mask-shares-stored', 2],
    ['mask-shares-stored', 4],
    ['masked-update-stored', 4],
    ['mask-shares-revealed', 3],
    ['masks-taken-off', 1],
    ['trunk-blob-written', 1],
    ['trunk-committed', 1],
  ])(
    'at the step %s, reached %i times: the other hub goes on with the same buffer, and counts each update once',
    async (dieAt, dieAtTime) => {
      // Either hub takes a step, whichever is quicker. Where the other one took all of these, nobody died: once more.
      for (let attempt = 0; attempt < 4; attempt += 1) {
        const { address, a, b, finished } = await federation({ dieAt, dieAtTime }, (one) => [one.port]);
        const isDone = finished();
        const hasDied = await Promise.race([a.died.then(() => true), isDone.then(() => false)]);
        if (!hasDied) continue;
        address.leadTo([b.port]);
        await isDone;
        expect(b.news.filter(({ kind }) => kind === 'masked-buffer-given-up')).toEqual([]);
        return;
      }
      expect.fail('the hub that was to die never took the step');
    },
    180_000,
  );
});
