import { describe, expect, it } from 'vitest';
import { metricsSchema } from '../../../../src/contract/metrics.ts';
import { calibrationError, logLoss } from '../../../../src/trainer/metrics/calibration.ts';
import { areaScoreInterval, patientBootstrap, wilsonInterval } from '../../../../src/trainer/metrics/intervals.ts';
import { aucOf, metricsOf } from '../../../../src/trainer/metrics/metrics.ts';
import { randomStream, standardNormals } from '../../../../src/trainer/run/random.ts';

const threeClasses = ['normal', 'nodule', 'effusion'];
// Six images of four patients; the second and the fifth are called wrongly.
const probabilities = Float32Array.from(
  [
    [0.7, 0.2, 0.1],
    [0.3, 0.6, 0.1],
    [0.1, 0.8, 0.1],
    [0.2, 0.5, 0.3],
    [0.5, 0.25, 0.25],
    [0.1, 0.1, 0.8],
  ].flat(),
);
const labels = Int32Array.from([0, 0, 1, 1, 2, 2]);
const patients = Int32Array.from([5, 5, 9, 9, 2, 11]);

describe('metrics of predictions', () => {
  const metrics = metricsOf(probabilities, labels, patients, threeClasses);

  it('count what was called what', () => {
    expect(metrics.confusion).toEqual([
      [1, 1, 0],
      [0, 2, 0],
      [1, 0, 1],
    ]);
    expect(metrics.examples).toBe(6);
    expect(metrics.patients).toBe(4);
  });

  it('give accuracy, and sensitivity and specificity of each class', () => {
    expect(metrics.accuracy?.value).toBeCloseTo(4 / 6, 12);
    expect(metrics.perClass.map(({ sensitivity }) => sensitivity)).toEqual([0.5, 1, 0.5]);
    expect(metrics.perClass.map(({ specificity }) => specificity)).toEqual([0.75, 0.75, 1]);
    expect(metrics.balancedAccuracy).toBeCloseTo(2 / 3, 12);
  });

  it('give the macro one-vs-rest area with an interval around it', () => {
    const areas = [0, 1, 2].map((index) => pairwiseArea(index));
    expect(metrics.perClass.map(({ auc }) => auc)).toEqual(areas);
    expect(metrics.auc?.value).toBeCloseTo(areas.reduce((sum, area) => sum + area, 0) / 3, 12);
    expect(metrics.auc!.low).toBeLessThanOrEqual(metrics.auc!.value);
    expect(metrics.auc!.high).toBeGreaterThanOrEqual(metrics.auc!.value);
    expect(aucOf(probabilities, labels, 3)).toBeCloseTo(metrics.auc!.value, 12);
  });

  it('are the same each time, and fit the contract', () => {
    expect(metricsOf(probabilities, labels, patients, threeClasses)).toEqual(metrics);
    expect(metricsSchema.parse(metrics)).toEqual(metrics);
  });

  it('leave out what cannot be computed', () => {
    const one = metricsOf(Float32Array.from([0.9, 0.1]), Int32Array.from([0]), Int32Array.from([1]), ['no', 'yes']);
    expect(one.auc).toBeNull();
    expect(one.perClass[1]).toMatchObject({ examples: 0, sensitivity: null, specificity: 1, auc: null, f1: null });
    expect(metricsSchema.parse(one)).toEqual(one);
    const none = metricsOf(new Float32Array(), new Int32Array(), new Int32Array(), ['no', 'yes']);
    expect(none.accuracy).toBeNull();
    expect(metricsSchema.parse(none)).toEqual(none);
  });

  it('refuse probabilities that are not numbers', () => {
    const broken = Float32Array.from([Number.NaN, 0.5]);
    expect(() => metricsOf(broken, Int32Array.from([0]), Int32Array.from([0]), ['no', 'yes'])).toThrow(
      expect.objectContaining({ code: 363 }),
    );
  });

  function pairwiseArea(index: number): number {
    let wins = 0;
    let pairs = 0;
    labels.forEach((label, positive) => {
      labels.forEach((other, negative) => {
        if (label !== index || other === index) return;
        const difference = probabilities[positive * 3 + index]! - probabilities[negative * 3 + index]!;
        wins += difference > 0 ? 1 : difference === 0 ? 0.5 : 0;
        pairs += 1;
      });
    });
    return wins / pairs;
  }
});

describe('log loss', () => {
  it('is the mean negative logarithm, finite even for a probability of zero', () => {
    expect(logLoss(Float32Array.from([0.5, 0.5, 0.25, 0.75]), Int32Array.from([0, 0]), 2)).toBeCloseTo(
      (Math.log(2) + Math.log(4)) / 2,
      6,
    );
    expect(logLoss(Float32Array.from([0, 1]), Int32Array.from([0]), 2)).toBeCloseTo(-Math.log(1e-7), 6);
  });
});

describe('expected calibration error', () => {
  it('is the gap between confidence and accuracy, weighted by bin', () => {
    // Bin of 0.9: two of two right, gap 0.1 each; bin of 0.6: one of two right, gap 0.1 each.
    const error = calibrationError(Float64Array.from([0.9, 0.9, 0.6, 0.6]), Uint8Array.from([1, 1, 1, 0]));
    expect(error).toBeCloseTo(0.1, 12);
  });

  it('is zero for certain and right answers', () => {
    expect(calibrationError(Float64Array.from([1, 1]), Uint8Array.from([1, 1]))).toBe(0);
  });
});

describe('intervals', () => {
  it('Newcombe’s of an area is Wilson’s with one patient on each side, and narrows with more', () => {
    const one = areaScoreInterval(1, { positives: 1, negatives: 1 });
    expect(one.low).toBeCloseTo(wilsonInterval(1, 1).low, 12);
    expect(one.high).toBe(1);
    const twelve = areaScoreInterval(1, { positives: 6, negatives: 6 });
    expect(twelve.low).toBeGreaterThan(one.low);
    expect(twelve.low).toBeLessThan(0.9);
    const some = areaScoreInterval(0.7, { positives: 20, negatives: 30 });
    expect(some.low).toBeGreaterThan(0.5);
    expect(some.high).toBeLessThan(0.9);
  });

  it('of an area are not without width where all scores are in order, nor all where a side has one patient', () => {
    const aucOfOrdered = (sides: readonly number[], names: readonly string[]) => {
      const sure = sides.flatMap((side) => names.map((_, index) => (index === side ? 0.8 : 0.2 / (names.length - 1))));
      const who = Int32Array.from(sides.keys());
      return metricsOf(Float32Array.from(sure), Int32Array.from(sides), who, names).auc!;
    };
    const [four, three] = [aucOfOrdered([0, 0, 1, 1], ['no', 'yes']), aucOfOrdered([0, 0, 1], ['no', 'yes'])];
    expect(four).toMatchObject({ value: 1, high: 1 });
    expect(four.low).toBeLessThan(0.7);
    expect(four.low).toBeGreaterThan(three.low);
    expect(three.low).toBeGreaterThan(0);
    const macro = aucOfOrdered([0, 0, 1, 1, 2, 2], threeClasses);
    expect(macro.high).toBe(1);
    expect(macro.low).toBeLessThan(0.9);
  });

  it('Wilson’s has the published values', () => {
    // Newcombe 1998, table I, method 3: 81 of 263 → 0.2553 to 0.3662; 0 of 20 → 0 to 0.1611.
    const some = wilsonInterval(81 / 263, 263);
    expect(some.low).toBeCloseTo(0.2553, 4);
    expect(some.high).toBeCloseTo(0.3662, 4);
    const none = wilsonInterval(0, 20);
    expect(none.low).toBe(0);
    expect(none.high).toBeCloseTo(0.1611, 4);
  });

  it('of a bootstrap have the width of the binomial when every patient has one image', () => {
    const random = randomStream(4);
    const right = Uint8Array.from({ length: 400 }, () => (random.uniform() < 0.7 ? 1 : 0));
    const share = (weights: Float64Array): number =>
      weights.reduce((sum, weight, index) => sum + weight * right[index]!, 0) / 400;
    const interval = patientBootstrap(Int32Array.from(right.keys()), share, { resamples: 2_000 })!;
    const expected = 2 * 1.96 * Math.sqrt((0.7 * 0.3) / 400);
    expect((interval.high - interval.low) / expected).toBeGreaterThan(0.85);
    expect((interval.high - interval.low) / expected).toBeLessThan(1.15);
  });

  it.each([2, 3, 5, 10])('of a bootstrap hold what is true as often as they say, of %i patients', (patients) => {
    const random = randomStream(5);
    const who = Int32Array.from({ length: patients }, (_, index) => index);
    const trials = 400;
    let held = 0;
    for (let trial = 0; trial < trials; trial += 1) {
      const values = standardNormals(random, patients).map((value) => 0.5 + 0.05 * value);
      const mean = (weights: Float64Array): number =>
        weights.reduce((sum, weight, index) => sum + weight * values[index]!, 0) / patients;
      const { low, high } = patientBootstrap(who, mean)!;
      if (low <= 0.5 && high >= 0.5) held += 1;
    }
    expect(held / trials).toBeGreaterThan(0.91);
    expect(held / trials).toBeLessThan(0.99);
  });

  it('of a bootstrap of one patient say nothing', () => {
    expect(patientBootstrap(Int32Array.of(7, 7), () => 0.4)).toEqual({ low: 0, high: 1 });
  });

  it('of a bootstrap widen when images of a patient agree', () => {
    const right = Uint8Array.from({ length: 400 }, (_, index) => (index % 40 < 28 ? 1 : 0));
    const share = (weights: Float64Array): number => {
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      return weights.reduce((sum, weight, index) => sum + weight * right[index]!, 0) / total;
    };
    const width = ({ low, high }: { low: number; high: number }): number => high - low;
    const alone = patientBootstrap(Int32Array.from(right.keys()), share)!;
    const grouped = patientBootstrap(
      Int32Array.from(right.keys(), (index) => Math.floor(index / 4)),
      share,
    )!;
    expect(width(grouped)).toBeGreaterThan(1.5 * width(alone));
  });
});
