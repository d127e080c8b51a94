// The rules that stand sites that lie: closed forms, special cases that must agree, permutations, and lies.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CombinationRule } from '../../../../src/contract/federation.ts';
import { krumKept } from '../../../../src/sync/aggregation/krum.ts';
import { seededRandom } from '../../../../src/sync/aggregation/seeded-random.ts';
import { siteRows } from '../../../../src/sync/aggregation/site-rows.ts';
import { heldValues } from '../../../../src/sync/aggregation/tensor-values.ts';
import { openCommit } from '../../../../src/sync/aggregation/trunk-commit.ts';
import type { Weights } from '../../../../src/sync/aggregation/weights.ts';
import { commitRule, flat, updateValues, weightsOf } from './situations.ts';

interface Arrival {
  readonly id: string;
  readonly site: string;
  readonly examples: number;
  readonly stalenessCommits: number;
  readonly update: Weights;
}

const zero = weightsOf(new Float32Array(9));
const fresh = (values: ArrayLike<number>, index: number): Arrival => ({
  id: `update-${index}`,
  site: `site-${index}`,
  examples: 10,
  stalenessCommits: 0,
  update: weightsOf(values),
});

/** What a trunk of zeros becomes. */
function moved(
  arrivals: readonly Arrival[],
  combination: CombinationRule,
  staleness = commitRule().staleness,
): number[] {
  const rule = commitRule({ combination, staleness, stalenessEffect: 'step' });
  const open = openCommit({ base: zero, contributions: arrivals, rule });
  for (const { id, update } of arrivals) open.add(id, update);
  return flat(open.finish().weights);
}

const rules: CombinationRule[] = [
  { kind: 'mean', of: 'updates' },
  { kind: 'median' },
  { kind: 'trimmed-mean', trimShare: 0.2 },
  { kind: 'krum', byzantine: 1, kept: 2 },
];
const buffers = fc
  .array(
    fc.record({ values: updateValues, site: fc.nat(30), stalenessCommits: fc.nat(5) }),
    // Sites 0 to 4 always come, so that Krum has enough.
    { minLength: 5, maxLength: 12 },
  )
  .map((list) =>
    list.map(({ values, site, stalenessCommits }, index) => ({
      ...fresh(values, index),
      site: `site-${index < 5 ? index : site}`,
      stalenessCommits,
    })),
  );

describe('rules that stand lying sites', () => {
  it.each(rules)('$kind: the order of arrival does not change a bit', (combination) => {
    const shuffled = buffers.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
    );
    fc.assert(
      fc.property(shuffled, ([inOrder, other]) => {
        const bits = (list: readonly Arrival[]) => [
          ...new Uint32Array(Float32Array.from(moved(list, combination)).buffer),
        ];
        expect(bits(other)).toEqual(bits(inOrder));
      }),
      { numRuns: 100 },
    );
  });

  it('the median is the middle value of each weight, and of an even number the mean of the two in the middle', () => {
    const three = [
      [1, 5, -1],
      [2, 0, -9],
      [30, 1, 4],
    ].map(fresh);
    const open = openCommit({
      base: weightsOf([0, 0, 0]),
      contributions: three,
      rule: commitRule({ combination: { kind: 'median' } }),
    });
    for (const { id, update } of three) open.add(id, update);
    expect(flat(open.finish().weights)).toEqual([2, 1, -1]);
    const four = [0, 1, 5, 100].map((value, index) => fresh(new Float32Array(9).fill(value), index));
    expect(moved(four, { kind: 'median' })[0]).toBe(3);
  });

  it('E8: the median of identical updates is each of them', () => {
    fc.assert(
      fc.property(updateValues, fc.integer({ min: 1, max: 7 }), (values, count) => {
        const same = Array.from({ length: count }, (_, index) => fresh(values, index));
        expect(moved(same, { kind: 'median' }).map((value) => value + 0)).toEqual(
          flat(weightsOf(values)).map((value) => value + 0),
        );
      }),
    );
  });

  it('the trimmed mean leaves out a share at each end', () => {
    const values = [-1000, 1, 2, 3, 5000].map((value, index) => fresh(new Float32Array(9).fill(value), index));
    expect(moved(values, { kind: 'trimmed-mean', trimShare: 0.2 })[0]).toBe(2);
    // 0.39 × 5 is one at each end still.
    expect(moved(values, { kind: 'trimmed-mean', trimShare: 0.39 })[0]).toBe(2);
    expect(moved(values, { kind: 'trimmed-mean', trimShare: 0.4 })[0]).toBe(2);
    expect(moved(values, { kind: 'trimmed-mean', trimShare: 0 })[0]).toBeCloseTo(801.2, 3);
  });

  it('E8: a trimmed mean of share 0 is the mean of updates with equal examples', () => {
    fc.assert(
      fc.property(fc.array(updateValues, { minLength: 1, maxLength: 9 }), (values) => {
        const list = values.map(fresh);
        const trimmed = moved(list, { kind: 'trimmed-mean', trimShare: 0 });
        moved(list, { kind: 'mean', of: 'updates' }).forEach((value, index) =>
          expect(trimmed[index]).toBeCloseTo(value, 4),
        );
      }),
    );
  });

  it('E8: Krum that keeps all is the mean of updates with equal examples, bit for bit', () => {
    fc.assert(
      fc.property(fc.array(updateValues, { minLength: 3, maxLength: 9 }), (values) => {
        const list = values.map(fresh);
        expect(moved(list, { kind: 'krum', byzantine: 0, kept: list.length })).toEqual(
          moved(list, { kind: 'mean', of: 'updates' }),
        );
      }),
    );
  });

  it('E8: Krum without liars picks one of the updates', () => {
    fc.assert(
      fc.property(fc.array(updateValues, { minLength: 3, maxLength: 9 }), (values) => {
        const list = values.map(fresh);
        const picked = moved(list, { kind: 'krum', byzantine: 0, kept: 1 });
        const distances = list.map(({ update }) =>
          Math.max(...flat(update).map((value, i) => Math.abs(value - picked[i]!))),
        );
        // To the resolution of the exact sum.
        expect(Math.min(...distances)).toBeLessThan(2 ** -37);
      }),
    );
  });

  it('Krum’s score is the sum of the n − f − 2 smallest squared distances', () => {
    // On a line: of 0, 1, 2.5, 4, 100 with f = 1 each has two neighbours. Scores: 7.25, 3.25, 4.5, 11.25, about 18,700.
    const line = [0, 1, 2.5, 4, 100].map((value, index) => fresh([value, 0, 0], index));
    const kept = (count: number, among = line) => {
      const updates = among.map((one) => ({ ...one, values: heldValues(one.update) }));
      const rows = siteRows(updates, line[0]!.update, { kind: 'constant' });
      return krumKept(rows, line[0]!.update, { byzantine: 1, kept: count });
    };
    expect(kept(1)).toEqual(['site-1']);
    expect(kept(4)).toEqual(['site-1', 'site-2', 'site-0', 'site-3']);
    expect(() => kept(1, line.slice(1))).toThrow(RangeError);
  });

  it('a site that sends many updates into a commit has one voice', () => {
    const honest = [1, 1.5, 2].map((value, index) => fresh(new Float32Array(9).fill(value), index));
    const flood = [-50, -40, -30, -20, -10].map((value, index) => ({
      ...fresh(new Float32Array(9).fill(value), 10 + index),
      site: 'liar',
    }));
    expect(moved([...honest, ...flood], { kind: 'median' })[0]).toBe(1.25);
    expect(moved([...flood, ...honest], { kind: 'krum', byzantine: 0, kept: 3 })[0]).toBe(1.5);
  });

  it('staleness lessens an update itself', () => {
    const stale = [1, 2, 8].map((value, index) => ({
      ...fresh(new Float32Array(9).fill(value), index),
      stalenessCommits: index === 2 ? 3 : 0,
    }));
    expect(moved(stale, { kind: 'median' }, { kind: 'polynomial', exponent: 1 })[0]).toBe(2);
    expect(moved(stale, { kind: 'trimmed-mean', trimShare: 0 }, { kind: 'polynomial', exponent: 1 })[0]).toBeCloseTo(
      5 / 3,
      6,
    );
  });

  describe.each<{ lie: string; of: (honest: number, random: () => number) => number }>([
    { lie: 'the sign flipped', of: (honest) => -honest * 3 },
    { lie: 'a hundredfold', of: (honest) => honest * 100 },
    { lie: 'noise', of: (_, random) => 200 * (random() + random() + random() - 1.5) },
  ])('with fewer than half of the sites sending $lie', ({ of }) => {
    const random = seededRandom(11);
    const truth = Array.from({ length: 9 }, () => 2 * random() - 1);
    const honest = Array.from({ length: 8 }, () => truth.map((value) => value + 0.1 * (random() - 0.5)));
    const liars = Array.from({ length: 3 }, () => truth.map((value) => of(value, random)));
    const list = [...liars, ...honest].map(fresh);
    const farthest = (found: readonly number[]) =>
      Math.max(...found.map((value, index) => Math.abs(value - truth[index]!)));

    it.each<CombinationRule>([
      { kind: 'median' },
      { kind: 'trimmed-mean', trimShare: 0.28 },
      { kind: 'krum', byzantine: 3, kept: 5 },
    ])('$kind stays with the honest ones', (combination) => {
      expect(farthest(moved(list, combination))).toBeLessThan(0.06);
    });

    it('the mean does not', () => {
      expect(farthest(moved(list, { kind: 'mean', of: 'updates' }))).toBeGreaterThan(0.5);
    });
  });
});
