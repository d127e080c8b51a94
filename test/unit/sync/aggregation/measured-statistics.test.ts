import { describe, expect, test } from 'vitest';
import { updateFormSchema } from '../../../../src/contract/federation.ts';
import { commitOfUpdates } from '../../../../src/sync/aggregation/trunk-commit.ts';
import {
  checkStatistics,
  largestStatistic,
  rebasedStatistics,
} from '../../../../src/sync/aggregation/measured-statistics.ts';
import { heldValues } from '../../../../src/sync/aggregation/tensor-values.ts';
import { decodeUpdate, encodeUpdate, updateOf } from '../../../../src/sync/aggregation/update.ts';
import type { Weights } from '../../../../src/sync/aggregation/weights.ts';
import { commitRule } from './situations.ts';

const weights = (scale: number, variance: number): Weights =>
  new Map([
    ['norm.scale', { shape: [1], values: Float32Array.of(scale) }],
    ['norm.variance', { shape: [1], values: Float32Array.of(variance) }],
  ]);
const statistics = new Set(['norm.mean', 'norm.variance']);

describe('statistics that a site says it measured', () => {
  const from = weights(0, 1.000_7);
  const check = (update: Weights): void =>
    checkStatistics(heldValues(update), { layout: from, from: heldValues(from), statistics });

  test('are taken up to the bound, and down to a variance of nothing', () => {
    for (const variance of [0, 1e-4, largestStatistic - 1]) {
      expect(() => check(updateOf(from, weights(1_000, variance)))).not.toThrow();
    }
  });

  test('are taken too where float16 made a variance of nothing a little less', () => {
    const form = updateFormSchema.parse({ updateCodec: 'float16' });
    const arrived = decodeUpdate(encodeUpdate(updateOf(from, weights(0, 0)), form), { layout: from, form });
    const measured = from.get('norm.variance')!.values[0]! + arrived.get('norm.variance')!.values[0]!;
    expect(measured).toBeLessThan(0);
    expect(() => check(arrived)).not.toThrow();
  });

  test.each([
    ['beyond the bound', largestStatistic + 1],
    ['a variance below zero', -0.1],
    ['no number', Number.NaN],
  ])('are refused: %s', (_, variance) => {
    expect(() => check(updateOf(from, weights(0, variance)))).toThrow(expect.objectContaining({ code: 563 }));
  });
});

describe('statistics of stale updates', () => {
  test('a commit takes what the sites measured, whatever version they started from', () => {
    const base = weights(1, 10);
    const current = weights(2, 1);
    // The site measured a variance of 0.5: as a difference from its old base that is -9.5.
    const values = rebasedStatistics(heldValues(updateOf(base, weights(1.5, 0.5))), {
      base: heldValues(base),
      current: heldValues(current),
      statistics,
    });
    const next = commitOfUpdates({
      base: { layout: current, values: heldValues(current) },
      layout: current,
      updates: [{ id: 'a', site: 'oslo', examples: 1, stalenessCommits: 1, values }],
      rule: commitRule({ staleness: { kind: 'constant' } }),
      statistics,
      optimizerState: null,
    }).weights;
    expect(next.get('norm.variance')?.values[0]).toBeCloseTo(0.5, 6);
    expect(next.get('norm.scale')?.values[0]).toBeCloseTo(2.5, 6);
  });
});
