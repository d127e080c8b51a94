import { describe, expect, test } from 'vitest';
import { commitOfUpdates } from '../../../../src/sync/aggregation/trunk-commit.ts';
import { rebasedStatistics } from '../../../../src/sync/aggregation/measured-statistics.ts';
import { heldValues } from '../../../../src/sync/aggregation/tensor-values.ts';
import { updateOf } from '../../../../src/sync/aggregation/update.ts';
import type { Weights } from '../../../../src/sync/aggregation/weights.ts';
import { commitRule } from './situations.ts';

const weights = (scale: number, variance: number): Weights =>
  new Map([
    ['norm.scale', { shape: [1], values: Float32Array.of(scale) }],
    ['norm.variance', { shape: [1], values: Float32Array.of(variance) }],
  ]);
const statistics = new Set(['norm.mean', 'norm.variance']);

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
