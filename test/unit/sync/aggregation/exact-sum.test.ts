// The sum of a commit, against the same arithmetic written out in JavaScript: not a bit may differ.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exactSum } from '../../../../src/sync/aggregation/exact-sum.ts';
import { blockValues } from '../../../../src/sync/aggregation/tensor-values.ts';
import { maxUpdateMagnitude } from '../../../../src/sync/aggregation/update.ts';
import { weightedSum } from '../../../../src/sync/aggregation/weighted-sum.ts';
import { flat, weightsOf } from './situations.ts';

interface Addend {
  readonly weight: number;
  readonly values: readonly number[];
}

function totalOf(count: number, addends: readonly Addend[]): number[] {
  const into = exactSum.begin(count);
  for (const { weight, values } of addends) {
    into.set(values);
    exactSum.add(weight);
  }
  return [...exactSum.total()];
}

/** In units of 2⁻³⁸, rounded to even; whole numbers that a double adds exactly. */
function totalInJavaScript(count: number, addends: readonly Addend[]): number[] {
  const toWhole = 1.5 * 2 ** 52;
  return Array.from({ length: count }, (_, index) => {
    let units = 0;
    for (const { weight, values } of addends)
      units += weight * 2 ** 38 * Math.fround(values[index]!) + toWhole - toWhole;
    return units / 2 ** 38;
  });
}
const bits = (values: readonly number[]): bigint[] => [...new BigInt64Array(Float64Array.from(values).buffer)];

const value = fc.oneof(
  fc.float({ min: -maxUpdateMagnitude, max: maxUpdateMagnitude, noNaN: true }),
  fc.float({ min: Math.fround(-1e-3), max: Math.fround(1e-3), noNaN: true }),
  fc.constantFrom(0, -0, 2 ** -149, -(2 ** -39), 3 * 2 ** -39, maxUpdateMagnitude, -maxUpdateMagnitude),
);
const sums = fc.integer({ min: 1, max: 50 }).chain((count) =>
  fc.tuple(
    fc.constant(count),
    fc.array(
      fc.record({
        weight: fc.oneof(fc.double({ min: 0, max: 0.2, noNaN: true }), fc.constantFrom(0, 0.2, 1 / 3)),
        values: fc.array(value, { minLength: count, maxLength: count }),
      }),
      { maxLength: 8 },
    ),
  ),
);

describe('the exact sum', () => {
  it('is that of JavaScript, bit for bit, and of any order', () => {
    fc.assert(
      fc.property(sums, ([count, addends]) => {
        fc.pre(addends.reduce((total, { weight }) => total + weight, 0) < 2);
        const expected = bits(totalInJavaScript(count, addends));
        expect(bits(totalOf(count, addends))).toEqual(expected);
        expect(bits(totalOf(count, addends.toReversed()))).toEqual(expected);
      }),
      { numRuns: 400 },
    );
  });

  it('of a whole block too, whatever lay there before', () => {
    const addends = [0.25, 0.5].map((weight) => ({
      weight,
      values: Array.from({ length: blockValues }, (_, index) => Math.sin(index * weight) * 100),
    }));
    expect(bits(totalOf(blockValues, addends))).toEqual(bits(totalInJavaScript(blockValues, addends)));
    expect(totalOf(3, [{ weight: 1, values: [1, 2, 3] }])).toEqual([1, 2, 3]);
    expect(totalOf(3, [])).toEqual([0, 0, 0]);
  });

  it('is within half a unit of 2⁻³⁸ for each addend', () => {
    const values = [0.1, -0.2, 0.3, 1e-9, 5, 2048].map(Math.fround);
    const total = totalOf(
      6,
      Array.from({ length: 4 }, () => ({ weight: 0.25, values })),
    );
    values.forEach((one, index) => expect(Math.abs(total[index]! - one)).toBeLessThanOrEqual(2 * 2 ** -38));
  });

  it('stops rather than lose exactness when a sum leaves ±4096', () => {
    const addend = { weight: 1, values: [0, -2048] };
    expect(totalOf(2, [addend, addend])).toEqual([0, -4096]);
    expect(() => totalOf(2, [addend, addend, addend])).toThrow(RangeError);
  });

  it('takes any buffer of accepted updates: shares of one update at the limit add up within the range', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: 1, maxLength: 50 }),
        (parts) => {
          const total = parts.reduce((sum, part) => sum + part, 0);
          const addends = parts.map((part) => ({ weight: part / total, values: [-maxUpdateMagnitude] }));
          expect(Math.abs(totalOf(1, addends)[0]! + maxUpdateMagnitude)).toBeLessThan(1e-9);
        },
      ),
      { numRuns: 50 },
    );
  });

  it.each([0, 1, 3, 16, 17, 30])('does not take what is no number, or too large, at place %i', (place) => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 8193, -8193]) {
      const values = Array.from({ length: 31 }, (_, index) => (index === place ? bad : 0));
      expect(() => totalOf(31, [{ weight: 1, values }])).toThrow(RangeError);
    }
    expect(() => totalOf(1, [{ weight: Number.NaN, values: [0] }])).toThrow(RangeError);
  });
});

describe('the weighted sum of weights', () => {
  it('adds tensor by tensor', () => {
    const parts = [
      { weights: weightsOf([1, 2, 3]), factor: 0.5 },
      { weights: weightsOf([-1, 0, 9]), factor: 2 },
    ];
    expect(flat(weightedSum(parts))).toEqual([-1.5, 1, 19.5]);
  });

  it('of other layouts is refused, whichever comes first', () => {
    const [short, long] = [5, 7].map((count) => ({ weights: weightsOf(new Float32Array(count)), factor: 1 }));
    expect(() => weightedSum([short!, long!])).toThrow(RangeError);
    expect(() => weightedSum([long!, short!])).toThrow(RangeError);
    expect(() => weightedSum([])).toThrow(RangeError);
  });
});
