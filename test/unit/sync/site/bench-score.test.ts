import { describe, expect, it } from 'vitest';
import { benchScore } from '../../../../src/sync/site/bench-score.ts';

const twoClasses = (ill: number[]): Float32Array => Float32Array.from(ill.flatMap((p) => [1 - p, p]));

describe('the score by which a bench is ranked', () => {
  it('is the AUC to within its trace of log loss', () => {
    const labels = Int32Array.from([0, 1, 0, 1]);
    expect(benchScore(twoClasses([0.1, 0.9, 0.2, 0.8]), labels, 2)).toBeCloseTo(1, 2);
    expect(benchScore(twoClasses([0.5, 0.5, 0.5, 0.5]), labels, 2)).toBeCloseTo(0.5, 2);
    expect(benchScore(twoClasses([0.1, 0.9, 0.8, 0.2]), labels, 2)).toBeCloseTo(0.75, 2);
  });

  it('prefers the better calibrated of equal AUCs, and does not fail with one class only', () => {
    const labels = Int32Array.from([0, 1]);
    expect(benchScore(twoClasses([0.1, 0.9]), labels, 2)).toBeGreaterThan(
      benchScore(twoClasses([0.4, 0.6]), labels, 2),
    );
    expect(benchScore(twoClasses([0.1]), Int32Array.from([0]), 2)).toBeGreaterThan(
      benchScore(twoClasses([0.7]), Int32Array.from([0]), 2),
    );
  });

  it('ranks several labels of an image each by itself, two of them too', () => {
    const labels = Int32Array.from([1, 0, 0, 1, 1, 1, 0, 0]);
    const right = Float32Array.from([0.9, 0.2, 0.1, 0.8, 0.7, 0.9, 0.2, 0.1]);
    const firstOnly = Float32Array.from([0.9, 0.8, 0.1, 0.2, 0.7, 0.1, 0.2, 0.9]);
    expect(benchScore(right, labels, 2, true)).toBeCloseTo(1, 2);
    expect(benchScore(firstOnly, labels, 2, true)).toBeCloseTo(0.5, 2);
  });
});
