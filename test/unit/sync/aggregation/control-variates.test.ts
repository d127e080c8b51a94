// SCAFFOLD and FedAvg on sites that differ (E3 and E8 of the design): the trainer's control variates and the hub's commits,
// on quadratics whose optimum is known.
import { describe, expect, it } from 'vitest';
import { openCommit } from '../../../../src/sync/aggregation/trunk-commit.ts';
import { seededRandom } from '../../../../src/sync/aggregation/seeded-random.ts';
import { updateOf } from '../../../../src/sync/aggregation/update.ts';
import type { Weights } from '../../../../src/sync/aggregation/weights.ts';
import { driftCorrection, newControlVariate } from '../../../../src/trainer/networks/scaffold.ts';
import { commitRule, flat, relativeDistance, weightsOf } from './situations.ts';

const parameters = 9;
const learningRate = 0.1;
const localSteps = 10;
const commits = 150;

/** ½ Σ curvature · (w − centre)². */
interface Quadratic {
  readonly curvature: readonly number[];
  readonly centre: readonly number[];
}

const random = seededRandom(7);
const sites: readonly Quadratic[] = Array.from({ length: 5 }, () => ({
  curvature: Array.from({ length: parameters }, () => 0.5 + 4 * random()),
  centre: Array.from({ length: parameters }, () => 4 * random() - 2),
}));

/** Where the gradients of all sites add up to nothing. */
const optimum = Array.from({ length: parameters }, (_, index) => {
  const pull = sites.reduce((sum, { curvature, centre }) => sum + curvature[index]! * centre[index]!, 0);
  return pull / sites.reduce((sum, { curvature }) => sum + curvature[index]!, 0);
});

const zero = (): Weights => weightsOf(new Float32Array(parameters));
const valuesOf = (weights: Weights): Map<string, Float32Array> =>
  new Map([...weights].map(([name, { values }]) => [name, values]));
const weightsIn = (tensors: ReadonlyMap<string, Float32Array>): Weights =>
  weightsOf([...tensors.values()].flatMap((values) => [...values]));

/** The weights after a site's local steps, each gradient plus the correction. */
function trained({ curvature, centre }: Quadratic, trunk: Weights, correction: readonly number[]): Weights {
  const weights = flat(trunk);
  for (let step = 0; step < localSteps; step += 1) {
    for (let index = 0; index < parameters; index += 1) {
      const gradient = curvature[index]! * (weights[index]! - centre[index]!);
      weights[index]! -= learningRate * (gradient + correction[index]!);
    }
  }
  return weightsOf(weights);
}

/** What the hub makes of changes that every site sent, each of the same weight. */
function committed(base: Weights, changes: readonly Weights[]): Weights {
  const contributions = changes.map((_, site) => ({
    id: `update-${site}`,
    site: `site-${site}`,
    examples: 100,
    stalenessCommits: 0,
  }));
  const open = openCommit({ base, contributions, rule: commitRule() });
  changes.forEach((change, site) => open.add(`update-${site}`, change));
  return open.finish().weights;
}

function fedAvg(versions: number): Weights {
  const uncorrected = Array.from({ length: parameters }, () => 0);
  let trunk = zero();
  for (let version = 0; version < versions; version += 1) {
    const base = trunk;
    trunk = committed(
      base,
      sites.map((site) => updateOf(base, trained(site, base, uncorrected))),
    );
  }
  return trunk;
}

/** With `isFrozen` the variates stay 0. `onCommit` hears the trunk's variate and the sites' after each commit. */
function scaffold(
  versions: number,
  isFrozen: boolean,
  onCommit: (trunkVariate: Weights, siteVariates: readonly Weights[]) => void = () => {},
): Weights {
  let trunk = zero();
  let trunkVariate = zero();
  let siteVariates = sites.map(zero);
  for (let version = 0; version < versions; version += 1) {
    const [base, variate] = [trunk, trunkVariate];
    const ends = sites.map((site, index) => {
      const correction = driftCorrection(valuesOf(variate), valuesOf(siteVariates[index]!));
      return trained(site, base, flat(weightsIn(correction)));
    });
    trunk = committed(
      base,
      ends.map((end) => updateOf(base, end)),
    );
    if (isFrozen) continue;
    const next = siteVariates.map((own, index) =>
      weightsIn(
        newControlVariate({
          siteVariate: valuesOf(own),
          trunkVariate: valuesOf(variate),
          start: valuesOf(base),
          end: valuesOf(ends[index]!),
          learningRateSum: localSteps * learningRate,
        }),
      ),
    );
    trunkVariate = committed(
      variate,
      next.map((own, index) => updateOf(siteVariates[index]!, own)),
    );
    siteVariates = next;
    onCommit(trunkVariate, siteVariates);
  }
  return trunk;
}

describe('SCAFFOLD on sites that differ', () => {
  it('E3: comes to the optimum with ten local steps, where FedAvg stays away from it', () => {
    expect(relativeDistance(flat(scaffold(commits, false)), optimum)).toBeLessThan(1e-5);
    expect(relativeDistance(flat(fedAvg(commits)), optimum)).toBeGreaterThan(0.1);
  });

  it('E3: the variates of the sites add up to N times the trunk’s after every commit', () => {
    let seen = 0;
    scaffold(commits, false, (trunkVariate, siteVariates) => {
      seen += 1;
      const mean = flat(trunkVariate).map(
        (_, index) => siteVariates.reduce((sum, own) => sum + flat(own)[index]!, 0) / sites.length,
      );
      const furthest = Math.max(...flat(trunkVariate).map((value, index) => Math.abs(value - mean[index]!)));
      expect(furthest).toBeLessThan(1e-4);
      expect(Math.max(...siteVariates.flatMap(flat).map(Math.abs))).toBeGreaterThan(0.1);
    });
    expect(seen).toBe(commits);
  });

  it('E8: with variates of 0 is FedAvg, bit for bit', () => {
    expect(flat(scaffold(20, true))).toEqual(flat(fedAvg(20)));
  });
});
