import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { largestMagnitude } from '../../../../src/sync/aggregation/largest-magnitude.ts';
import { blockValues } from '../../../../src/sync/aggregation/tensor-values.ts';

function largestOf(values: readonly number[]): number {
  largestMagnitude.begin(values.length).set(values);
  return largestMagnitude.of();
}

it('is the largest magnitude of the values, and of no others that lay there before', () => {
  expect(largestOf(Array.from({ length: blockValues }, (_, index) => -index))).toBe(blockValues - 1);
  const floats = fc.array(fc.float({ noNaN: true }), { maxLength: 70 });
  fc.assert(
    fc.property(floats, (values) => {
      expect(largestOf(values)).toBe(Math.max(0, ...values.map(Math.abs)));
    }),
  );
});

it('is infinity where one of them is, and no number where one of them is none, wherever it stands', () => {
  for (const at of [0, 1, 2, 3, 15, 16, 37]) {
    const values = Array.from({ length: 38 }, (_, index) => index);
    expect(largestOf(values.with(at, -Infinity))).toBe(Infinity);
    expect(largestOf(values.with(at, NaN).with((at + 1) % 38, Infinity))).toBeNaN();
  }
});
