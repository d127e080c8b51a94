import { afterEach, describe, expect, it } from 'vitest';
import type { TrunkRule } from '../../../../src/contract/federation.ts';
import { openHub } from '../../../../src/sync/hub/hub.ts';
import { seededRandom } from '../../../../src/sync/aggregation/seeded-random.ts';
import { encodeWeights } from '../../../../src/sync/aggregation/weights.ts';
import { firstWeight, openBench, practiceProject, until, weightsOf } from '../federation-fixture.ts';
import { rawSite, rawUpdate } from '../raw-site.ts';
import { processesOf } from './processes.ts';

const bench = openBench();
const { hubProcess, siteProcess } = processesOf(bench);
afterEach(() => bench.close());

const noise = (): Uint8Array => {
  const random = seededRandom(11);
  const values = Float32Array.from(
    { length: 64 },
    () => 50 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
  return encodeWeights(new Map([['logits.kernel', { shape: [64], values }]]));
};
/** What the liar sends where the others send 1. */
const lies = {
  'its sign changed': weightsOf(-1),
  'a hundred times too much, backwards': weightsOf(-100),
  'Gaussian noise': noise(),
};
const standing: readonly [string, TrunkRule['combination']][] = [
  ['median', { kind: 'median' }],
  ['trimmed mean', { kind: 'trimmed-mean', trimShare: 0.2 }],
  ['Krum', { kind: 'krum', byzantine: 1, kept: 1 }],
];

/** Four honest sites, each a process of its own, and a liar: the trunk after a commit with each lie. */
async function trunkWith(combination: TrunkRule['combination'], lies: readonly Uint8Array[]): Promise<number> {
  const folder = bench.folder();
  const rule = {
    bufferSize: 5,
    combination,
    staleness: { kind: 'constant' as const },
    stalenessEffect: combination.kind === 'mean' ? ('share' as const) : ('step' as const),
    rounds: true,
  };
  const options = { rule, commits: lies.length, peerModels: false };
  const hub = await hubProcess({ folder, project: options, invites: 5 });
  const liar = bench.keep(await rawSite({ invite: hub.invites[4]!, folder: bench.folder(), name: 'Liar' }));
  const honest = ['Lyon', 'Oslo', 'Porto', 'Quito'].map((name, index) =>
    siteProcess({ folder: bench.folder(), name, invite: hub.invites[index]! }),
  );
  for (const [version, lie] of lies.entries()) {
    const { blob, signed } = rawUpdate(liar, practiceProject(options), lie, { baseVersion: version });
    await liar.channel.putBlob(blob);
    await liar.channel.ask({ kind: 'update-offered', update: signed });
    const isMade = (): boolean => hub.news.some((one) => one.kind === 'trunk-committed' && one.version > version);
    await until('the commit', isMade, 90_000);
  }
  for (const { child, died } of [...honest, hub]) {
    child.kill('SIGKILL');
    await died;
  }
  const reopened = bench.keep(await openHub({ folder, port: 0 }));
  return firstWeight((await reopened.trunkWeights())!);
}

describe('fault 18: a site that sends poisoned updates', () => {
  it.each(standing)(
    'moves the %s of five by nothing, whichever way it lies',
    async (_, combination) => {
      expect(await trunkWith(combination, Object.values(lies))).toBeCloseTo(3, 4);
    },
    240_000,
  );

  it('ruins the mean, which is why there are the others', async () => {
    const lie = lies['a hundred times too much, backwards'];
    expect(await trunkWith({ kind: 'mean', of: 'updates' }, [lie])).toBeCloseTo((4 - 100) / 5, 4);
  }, 120_000);
});
