import { array, assert, integer, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { areaUnderCurve, areaVariance, rankScores, rocPoints } from '../../../../src/trainer/metrics/roc.ts';

/** Class-1 scores as a two-class probability matrix. */
function binary(scores: readonly number[]): Float32Array {
  return Float32Array.from(scores.flatMap((score) => [1 - score, score]));
}

const scores = [0.8, 0.6, 0.4, 0.7, 0.3, 0.2];
const labels = Int32Array.from([1, 1, 1, 0, 0, 0]);

describe('area under the ROC curve', () => {
  it('is the share of pairs in the right order', () => {
    expect(areaUnderCurve(rankScores(binary(scores), labels, 1, 2))).toBeCloseTo(7 / 9, 12);
  });

  it('counts ties as half', () => {
    const tied = rankScores(binary([0.5, 0.5, 0.5]), Int32Array.from([1, 0, 0]), 1, 2);
    expect(areaUnderCurve(tied)).toBe(0.5);
  });

  it('is null without positives or negatives', () => {
    expect(areaUnderCurve(rankScores(binary([0.1, 0.2]), Int32Array.from([1, 1]), 1, 2))).toBeNull();
  });

  it('equals the count over all pairs, whatever the scores', () => {
    const example = record({ score: integer({ min: 0, max: 8 }), label: integer({ min: 0, max: 1 }) });
    assert(
      property(array(example, { minLength: 2, maxLength: 40 }), (examples) => {
        const positives = examples.filter(({ label }) => label === 1);
        const negatives = examples.filter(({ label }) => label === 0);
        let wins = 0;
        for (const { score } of positives) {
          for (const other of negatives) wins += score > other.score ? 1 : score === other.score ? 0.5 : 0;
        }
        const pairs = positives.length * negatives.length;
        const ranked = rankScores(
          binary(examples.map(({ score }) => score / 8)),
          Int32Array.from(examples, ({ label }) => label),
          1,
          2,
        );
        expect(areaUnderCurve(ranked) ?? -1).toBeCloseTo(pairs === 0 ? -1 : wins / pairs, 10);
      }),
    );
  });

  it('with weights is the area of the repeated examples', () => {
    const weighted = areaUnderCurve(rankScores(binary(scores), labels, 1, 2), Float64Array.from([2, 0, 1, 1, 3, 1]));
    const repeated = [0.8, 0.8, 0.4, 0.7, 0.3, 0.3, 0.3, 0.2];
    const plain = areaUnderCurve(rankScores(binary(repeated), Int32Array.from([1, 1, 1, 0, 0, 0, 0, 0]), 1, 2));
    expect(weighted).toBeCloseTo(plain!, 12);
  });
});

describe('variance of the area', () => {
  it('is DeLong’s with one image per patient', () => {
    // By hand: V10 = (1, 2/3, 2/3), V01 = (1/3, 1, 1), S10 = 1/27, S01 = 4/27, variance (S10 + S01) / 3.
    const variance = areaVariance(rankScores(binary(scores), labels, 1, 2), Int32Array.from([0, 1, 2, 3, 4, 5]));
    expect(variance).toBeCloseTo(5 / 81, 12);
  });

  it('does not shrink when every patient has the same image twice', () => {
    const twice = (values: readonly number[]): number[] => values.flatMap((value) => [value, value]);
    const variance = areaVariance(
      rankScores(binary(twice(scores)), Int32Array.from(twice([...labels])), 1, 2),
      Int32Array.from(twice([0, 1, 2, 3, 4, 5])),
    );
    expect(variance).toBeCloseTo(5 / 81, 12);
  });

  it('is null when a side has one patient only', () => {
    const variance = areaVariance(rankScores(binary(scores), labels, 1, 2), Int32Array.from([7, 7, 7, 3, 4, 5]));
    expect(variance).toBeNull();
  });
});

describe('points of the ROC curve', () => {
  it('go from the origin to (1, 1), one per distinct score', () => {
    const points = rocPoints(binary([0.75, 0.5, 0.5, 0.25]), Int32Array.from([1, 1, 0, 0]), 1, 2);
    expect(points).toEqual([
      { threshold: Infinity, falsePositiveRate: 0, sensitivity: 0 },
      { threshold: 0.75, falsePositiveRate: 0, sensitivity: 0.5 },
      { threshold: 0.5, falsePositiveRate: 0.5, sensitivity: 1 },
      { threshold: 0.25, falsePositiveRate: 1, sensitivity: 1 },
    ]);
  });
});
