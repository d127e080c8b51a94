import { describe, expect, test } from 'vitest';
import { openCommit } from '../../../../src/sync/aggregation/trunk-commit.ts';
import { rebaseStatistics, updateOf } from '../../../../src/sync/aggregation/update.ts';
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
    const update = rebaseStatistics(updateOf(base, weights(1.5, 0.5)), { base, current, statistics });
    const commit = openCommit({
      base: current,
      contributions: [{ id: 'a', site: 'oslo', examples: 1, stalenessCommits: 1 }],
      rule: commitRule({ staleness: { kind: 'constant' } }),
      statistics,
    });
    commit.add('a', update);
    const next = commit.finish().weights;
    expect(next.get('norm.variance')?.values[0]).toBeCloseTo(0.5, 6);
    expect(next.get('norm.scale')?.values[0]).toBeCloseTo(2.5, 6);
  });

  test('a fresh update comes back as it was', () => {
    const base = weights(1, 10);
    const update = updateOf(base, weights(1.5, 0.5));
    expect(rebaseStatistics(update, { base, current: base, statistics })).toBe(update);
  });
});
