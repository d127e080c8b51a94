// The equalities that a federation's arithmetic must keep (E1, E2, E6 and E8 of the design).
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StalenessRule } from '../../../../src/contract/federation.ts';
import { newProjectValues } from '../../../../src/contract/project-draft.ts';
import {
  type Contribution,
  contributionShares,
  distinctContributions,
} from '../../../../src/sync/aggregation/contributions.ts';
import { stalenessWeight } from '../../../../src/sync/aggregation/staleness.ts';
import { type CommitRule, openCommit } from '../../../../src/sync/aggregation/trunk-commit.ts';
import { applyUpdate, updateOf } from '../../../../src/sync/aggregation/update.ts';
import type { Weights } from '../../../../src/sync/aggregation/weights.ts';
import {
  commitRule,
  flat,
  gradient,
  type RegressionSite,
  regressionSites,
  relativeDistance,
  updateValues,
  weightsOf,
} from './situations.ts';

interface Arrival extends Contribution {
  readonly update: Weights;
}

const halfPower: StalenessRule = { kind: 'polynomial', exponent: 0.5 };
const plain = commitRule({ staleness: halfPower });

function commit(
  base: Weights,
  arrivals: readonly Arrival[],
  rule: CommitRule = plain,
  optimizerState: Weights | null = null,
) {
  const open = openCommit({ base, contributions: arrivals, rule, optimizerState });
  for (const { id, update } of arrivals) open.add(id, update);
  return open.finish();
}

const arrivals = fc
  .array(
    fc.record({ values: updateValues, examples: fc.integer({ min: 1, max: 1e6 }), stalenessCommits: fc.nat(30) }),
    { minLength: 1, maxLength: 12 },
  )
  .map((list) =>
    list.map(({ values, ...rest }, index) => ({
      id: `update-${index}`,
      site: `site-${index}`,
      update: weightsOf(values),
      ...rest,
    })),
  );

describe('a trunk commit', () => {
  it('E1: one local full-batch step of every site is one step of central gradient descent', () => {
    const sites = regressionSites(['lyon', 'oslo', 'quito', 'kyoto'], 9, 42);
    const pooled = { rows: sites.flatMap(({ rows }) => rows), targets: sites.flatMap(({ targets }) => targets) };
    const learningRate = 0.2;
    const step = (from: ArrayLike<number>, data: Omit<RegressionSite, 'name'>) => {
      const slope = gradient(from, data);
      return Float64Array.from(slope, (value, index) => from[index]! - learningRate * value);
    };
    let central: ArrayLike<number> = new Float64Array(9);
    let trunk = weightsOf(new Float32Array(9));
    for (let version = 0; version < 200; version += 1) {
      central = step(central, pooled);
      const buffer = sites.map((site) => ({
        id: site.name,
        site: site.name,
        examples: site.rows.length,
        stalenessCommits: 0,
        update: updateOf(trunk, weightsOf(step(flat(trunk), site))),
      }));
      trunk = commit(trunk, buffer).weights;
    }
    expect(relativeDistance(flat(trunk), central)).toBeLessThan(1e-5);
  });

  it('E2: FedBuff with all sites and no staleness is FedAvg, the mean of the weights by examples', () => {
    fc.assert(
      fc.property(updateValues, arrivals, (values, buffer) => {
        const base = weightsOf(values);
        const fresh = buffer.map((arrival) => ({ ...arrival, stalenessCommits: 0 }));
        const total = fresh.reduce((sum, { examples }) => sum + examples, 0);
        const average = new Float64Array(values.length);
        for (const { update, examples } of fresh) {
          flat(applyUpdate(base, update)).forEach((weight, index) => (average[index]! += (examples / total) * weight));
        }
        flat(commit(base, fresh).weights).forEach((weight, index) => {
          expect(Math.abs(weight - average[index]!)).toBeLessThan(1e-4);
        });
      }),
      { numRuns: 60 },
    );
  });

  it('E6: the order of arrival does not change a bit', () => {
    const shuffledArrivals = arrivals.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
    );
    fc.assert(
      fc.property(updateValues, shuffledArrivals, (values, [inOrder, shuffled]) => {
        const base = weightsOf(values);
        expect(flat(commit(base, shuffled).weights)).toEqual(flat(commit(base, inOrder).weights));
      }),
      { numRuns: 100 },
    );
  });

  it('E8: an update that arrives twice counts once', () => {
    fc.assert(
      fc.property(updateValues, arrivals, fc.nat(), (values, buffer, which) => {
        const base = weightsOf(values);
        const twice = [...buffer, buffer[which % buffer.length]!];
        expect(flat(commit(base, twice).weights)).toEqual(flat(commit(base, buffer).weights));
      }),
      { numRuns: 60 },
    );
  });

  it('E8: one fresh update with K = 1 replaces the trunk by the weights of its site', () => {
    const base = weightsOf([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const trained = weightsOf([1.5, 2, -3, 4.25, 5, 60, 7, 8.125, 0]);
    const single = [{ id: 'oslo', site: 'oslo', examples: 40, stalenessCommits: 0, update: updateOf(base, trained) }];
    expect(flat(commit(base, single).weights)).toEqual(flat(trained));
  });

  it('E8: without momentum the server optimiser is plain averaging, with β = 0 as well', () => {
    fc.assert(
      fc.property(updateValues, arrivals, (values, buffer) => {
        const base = weightsOf(values);
        const withZero = commit(base, buffer, { ...plain, serverOptimizer: { kind: 'sgd', momentum: 0 } });
        expect(withZero.optimizerState).toBeNull();
        expect(flat(withZero.weights)).toEqual(flat(commit(base, buffer).weights));
      }),
      { numRuns: 30 },
    );
  });

  it('carries momentum from one commit to the next', () => {
    const rule = commitRule({ serverOptimizer: { kind: 'sgd', momentum: 0.5 }, serverLearningRate: 2 });
    const base = weightsOf([0, 0, 0]);
    const buffer = [{ id: 'lyon', site: 'lyon', examples: 10, stalenessCommits: 0, update: weightsOf([1, -1, 0]) }];
    const first = commit(base, buffer, rule);
    expect(flat(first.weights)).toEqual([2, -2, 0]);
    const second = commit(first.weights, buffer, rule, first.optimizerState);
    expect(flat(second.weights)).toEqual([5, -5, 0]);
  });

  it('gives a stale update its smaller share: of equal examples at τ = 0 and 3, two thirds and one third', () => {
    const shares = contributionShares(
      distinctContributions([
        { id: 'fresh', site: 'lyon', examples: 50, stalenessCommits: 0 },
        { id: 'stale', site: 'oslo', examples: 50, stalenessCommits: 3 },
      ]),
      plain,
    );
    expect(shares.get('fresh')).toBeCloseTo(2 / 3, 12);
    expect(shares.get('stale')).toBeCloseTo(1 / 3, 12);
  });

  it('with effect “step” a stale update alone moves the trunk by less, where with “share” it moves it whole', () => {
    const base = weightsOf([0, 0, 0]);
    const stale = [{ id: 'oslo', site: 'oslo', examples: 7, stalenessCommits: 3, update: weightsOf([1, -2, 4]) }];
    expect(flat(commit(base, stale).weights)).toEqual([1, -2, 4]);
    expect(flat(commit(base, stale, { ...plain, stalenessEffect: 'step' }).weights)).toEqual([0.5, -1, 2]);
  });

  it.each([1, 2, 4, 8])(
    'by a new project’s rule moves as far as a round, in buffers of %i of eight equal sites',
    (size) => {
      const base = weightsOf([0, 0, 0]);
      const rule = {
        ...plain,
        staleness: newProjectValues.staleness,
        stalenessEffect: newProjectValues.stalenessEffect,
      };
      const commits = 8 / size;
      const moved = Array.from({ length: commits }, (_, turn) => {
        const buffer = Array.from({ length: size }, (_site, index): Arrival => {
          const site = String(turn * size + index);
          const update = weightsOf([1, -2, 4]);
          return { id: site, site, examples: 10, stalenessCommits: commits - 1, update };
        });
        return flat(commit(base, buffer, rule).weights);
      });
      const together = [0, 1, 2].map((place) => moved.reduce((sum, values) => sum + values[place]!, 0));
      together.forEach((value, place) => expect(value).toBeCloseTo([1, -2, 4][place]!, 6));
    },
  );

  it('with effect “step” weighs by nᵢ s(τᵢ) / Σ nⱼ, which is the share where nothing is stale', () => {
    const contributions = distinctContributions([
      { id: 'fresh', site: 'lyon', examples: 30, stalenessCommits: 0 },
      { id: 'stale', site: 'oslo', examples: 10, stalenessCommits: 3 },
    ]);
    const step = contributionShares(contributions, { ...plain, stalenessEffect: 'step' });
    expect(step.get('fresh')).toBeCloseTo(30 / 40, 12);
    expect(step.get('stale')).toBeCloseTo(5 / 40, 12);
    fc.assert(
      fc.property(updateValues, arrivals, (values, buffer) => {
        const fresh = buffer.map((arrival) => ({ ...arrival, stalenessCommits: 0 }));
        const base = weightsOf(values);
        expect(flat(commit(base, fresh, { ...plain, stalenessEffect: 'step' }).weights)).toEqual(
          flat(commit(base, fresh).weights),
        );
      }),
      { numRuns: 30 },
    );
  });

  it('of sites counts an update for as long as it was in the making, and several of one site as one', () => {
    const shares = contributionShares(
      distinctContributions([
        { id: 'quick-1', site: 'lyon', examples: 30, stalenessCommits: 0 },
        { id: 'quick-2', site: 'lyon', examples: 30, stalenessCommits: 1 },
        { id: 'even', site: 'oslo', examples: 30, stalenessCommits: 1 },
        { id: 'slow', site: 'quito', examples: 10, stalenessCommits: 6 },
      ]),
      { ...plain, staleness: { kind: 'constant' }, combination: { kind: 'mean', of: 'sites' } },
    );
    expect(Object.fromEntries(shares)).toEqual({
      'quick-1': 15 / 120,
      'quick-2': 15 / 120,
      even: 30 / 120,
      slow: 60 / 120,
    });
  });

  it('of sites is FedAvg in rounds, bit for bit', () => {
    fc.assert(
      fc.property(updateValues, arrivals, (values, buffer) => {
        const fresh = buffer.map((arrival) => ({ ...arrival, stalenessCommits: 0 }));
        const base = weightsOf(values);
        const ofSites: CommitRule = { ...plain, combination: { kind: 'mean', of: 'sites' } };
        expect(flat(commit(base, fresh, ofSites).weights)).toEqual(flat(commit(base, fresh).weights));
      }),
      { numRuns: 30 },
    );
  });

  it.each([
    ['sites', 0, 0.06],
    // The quick site, a fifth of the examples, has half of the say.
    ['updates', 0.3, 0.4],
  ] as const)('of %s: what sites of unlike speed count over time is off their examples by %d to %d', (of, from, to) => {
    const sites = [
      { site: 'lyon', every: 0.31, examples: 100 },
      { site: 'oslo', every: 1.07, examples: 300 },
      { site: 'quito', every: 5.3, examples: 100 },
    ];
    const updatesPerCommit = 9;
    const base = sites.map(() => 0);
    const arrivalsInTime = sites
      .flatMap(({ every }, index) =>
        Array.from({ length: Math.floor(2_000 / every) }, (_, turn) => ({ index, at: every * (turn + 1) })),
      )
      .toSorted((one, other) => one.at - other.at);
    const counted = new Map(sites.map(({ site }) => [site, 0]));
    for (let version = 0; (version + 1) * updatesPerCommit <= arrivalsInTime.length; version += 1) {
      const buffer = arrivalsInTime
        .slice(version * updatesPerCommit, (version + 1) * updatesPerCommit)
        .map(({ index, at }): Contribution => {
          const contribution = { id: `${index} ${at}`, ...sites[index]!, stalenessCommits: version - base[index]! };
          base[index] = version;
          return contribution;
        });
      const rule: CommitRule = { ...plain, staleness: { kind: 'constant' }, combination: { kind: 'mean', of } };
      const shares = contributionShares(distinctContributions(buffer), rule);
      for (const { id, site } of buffer) counted.set(site, counted.get(site)! + shares.get(id)!);
    }
    const all = [...counted.values()].reduce((sum, share) => sum + share, 0);
    const furthest = Math.max(
      ...sites.map(({ site, examples }) => Math.abs(counted.get(site)! / all - examples / 500)),
    );
    expect(furthest).toBeGreaterThan(from);
    expect(furthest).toBeLessThan(to);
  });

  it('moves the trunk no further than its largest update', () => {
    fc.assert(
      fc.property(arrivals, (buffer) => {
        const base = weightsOf(new Float32Array(9));
        const largest = Math.max(...buffer.flatMap(({ update }) => flat(update).map(Math.abs)));
        const moved = Math.max(...flat(commit(base, buffer).weights).map(Math.abs));
        expect(moved).toBeLessThanOrEqual(largest * (1 + 1e-6) + 1e-11);
      }),
      { numRuns: 60 },
    );
  });

  it('refuses an id that comes with different numbers, and an update of no examples', () => {
    const offered = { id: 'oslo', site: 'oslo', examples: 10, stalenessCommits: 0 };
    expect(() => distinctContributions([offered, { ...offered, examples: 11 }])).toThrow(
      expect.objectContaining({ code: 558 }),
    );
    expect(() => distinctContributions([{ ...offered, examples: 0 }])).toThrow(expect.objectContaining({ code: 559 }));
  });

  it('is not finished while an update is missing', () => {
    const open = openCommit({
      base: weightsOf([0, 0, 0]),
      contributions: [{ id: 'oslo', site: 'oslo', examples: 1, stalenessCommits: 0 }],
      rule: plain,
    });
    expect([...open.missing]).toEqual(['oslo']);
    expect(() => open.finish()).toThrow(RangeError);
  });
});

describe('staleness weights', () => {
  it('are (1+τ)^-a under the polynomial rule', () => {
    expect(stalenessWeight(halfPower, 0)).toBe(1);
    expect(stalenessWeight(halfPower, 3)).toBe(0.5);
    expect(stalenessWeight({ kind: 'polynomial', exponent: 2 }, 4)).toBeCloseTo(1 / 25, 15);
  });

  it('stay 1 up to the threshold and fall hyperbolically beyond it', () => {
    const hinge: StalenessRule = { kind: 'threshold', slope: 10, freeCommits: 4 };
    expect(stalenessWeight(hinge, 4)).toBe(1);
    expect(stalenessWeight(hinge, 6)).toBeCloseTo(1 / 21, 15);
    expect(stalenessWeight({ kind: 'constant' }, 500)).toBe(1);
  });

  it('are not defined for half a commit or a trunk from the future', () => {
    expect(() => stalenessWeight(halfPower, -1)).toThrow(RangeError);
    expect(() => stalenessWeight(halfPower, 0.5)).toThrow(RangeError);
  });
});
