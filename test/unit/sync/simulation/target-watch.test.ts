import { expect, test } from 'vitest';
import { openTargetWatch } from '../../../../src/sync/simulation/target-watch.ts';

const reachedAt = (target: number | null, scores: readonly number[]): number | null => {
  const watch = openTargetWatch(target);
  scores.forEach((score, index) => watch.take(10 * index, score));
  return watch.reachedAt;
};

test('a target is reached at the first of three commits in a row, when the third is there', () => {
  expect(reachedAt(0.9, [0.8, 0.9, 0.95])).toBeNull();
  expect(reachedAt(0.9, [0.8, 0.9, 0.95, 0.9])).toBe(10);
  expect(reachedAt(0.9, [0.95, 0.8, 0.9, 0.9, 0.9])).toBe(20);
  expect(reachedAt(null, [1, 1, 1])).toBeNull();
});

test('what comes in while the simulation ends does not take it back', () => {
  expect(reachedAt(0.9, [0.9, 0.9, 0.9, 0.1, 0.9])).toBe(0);
});
