// The figures against scikit-learn's and scipy's of Debian, on the same predictions.
import { execFileSync, spawnSync } from 'node:child_process';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { chosenThreshold } from '../../../../src/trainer/metrics/operating-point.ts';
import { metricsOf } from '../../../../src/trainer/metrics/metrics.ts';
import { multiLabelMetrics } from '../../../../src/trainer/metrics/multi-label.ts';
import { rankScores } from '../../../../src/trainer/metrics/roc.ts';
import { hausdorff95 } from '../../../../src/trainer/metrics/surface-distance.ts';
import { randomStream } from '../../../../src/trainer/run/random.ts';

const python = '/usr/bin/python3';
const isThere = spawnSync(python, ['-c', 'import sklearn, scipy']).status === 0;
const numbers = z.array(z.number());
const referenceSchema = z.object({
  loss: z.number(),
  auc: numbers,
  averagePrecision: numbers,
  f1: numbers,
  balancedAccuracy: z.number(),
  confusion: z.array(numbers),
  youden: z.number(),
  sensitivity90: z.number(),
  multiLabel: z.object({ auc: z.number(), averagePrecision: z.number(), f1: numbers, accuracy: z.number() }),
  hausdorff95: z.number(),
  hausdorff95Slice: z.number(),
});

const classes = ['normal', 'nodule', 'effusion'];
const examples = 400;
const random = randomStream(11);
const labels = Int32Array.from({ length: examples }, () => random.below(3));
// Steps of 1/64 make ties, and are the same numbers in float32 and in Python.
const probabilities = Float32Array.from(
  [...labels].flatMap((label) => {
    const parts = classes.map((_, index) => 1 + random.below(20) + (index === label ? random.below(14) : 0));
    const total = parts.reduce((sum, part) => sum + part, 0);
    const [first, second] = parts.map((part) => Math.round((part / total) * 64) / 64) as [number, number, number];
    return [first, second, 1 - first - second];
  }),
);
const yes = Uint8Array.from(probabilities, (value) => (random.uniform() < value ? 1 : 0));
const patients = Int32Array.from({ length: examples }, (_, index) => index);
const size = [9, 24, 20] as const;
const spacing = [2.5, 0.75, 0.5] as const;
const ball = (z0: number, y0: number, x0: number, radius: number): Uint8Array =>
  Uint8Array.from({ length: size[0] * size[1] * size[2] }, (_, place) => {
    const at = [Math.floor(place / 480) - z0, (Math.floor(place / 20) % 24) - y0, (place % 20) - x0] as const;
    return (at[0] * 2.5) ** 2 + (at[1] * 0.75) ** 2 + (at[2] * 0.5) ** 2 <= radius ** 2 ? 1 : 0;
  });
const volumes = [ball(4, 12, 10, 4.2), ball(3, 10, 13, 3.4)] as const;

describe.skipIf(!isThere)('metrics against scikit-learn and scipy', () => {
  let reference: z.infer<typeof referenceSchema>;
  beforeAll(() => {
    const input = JSON.stringify({
      classes: 3,
      labels: [...labels],
      probabilities: [...probabilities],
      yes: [...yes],
      size,
      spacing,
      volumes: volumes.map((volume) => [...volume]),
    });
    const answer = execFileSync(python, [path.join(import.meta.dirname, 'against-scikit-learn.py')], { input });
    reference = referenceSchema.parse(JSON.parse(answer.toString()));
  });

  it('classification: areas, precision, F1, balance, loss and confusion are the same', () => {
    const metrics = metricsOf(probabilities, labels, patients, classes);
    expect(metrics.loss).toBeCloseTo(reference.loss, 6);
    expect(metrics.balancedAccuracy).toBeCloseTo(reference.balancedAccuracy, 12);
    expect(metrics.confusion).toEqual(reference.confusion);
    metrics.perClass.forEach((entry, index) => {
      expect(entry.auc).toBeCloseTo(reference.auc[index]!, 12);
      expect(entry.averagePrecision).toBeCloseTo(reference.averagePrecision[index]!, 12);
      expect(entry.f1).toBeCloseTo(reference.f1[index]!, 12);
    });
  });

  it('the operating points are those that its ROC curve gives', () => {
    const ranked = rankScores(probabilities, labels, 1, 3);
    // Its curve names the lowest score that is called; here the threshold is midway to the next one below.
    const midway = (called: number): number =>
      (called + Math.max(...ranked.sorted.filter((score) => score < called))) / 2;
    expect(chosenThreshold(ranked, 'youden')).toBe(midway(reference.youden));
    expect(chosenThreshold(ranked, { sensitivity: 0.9 })).toBe(midway(reference.sensitivity90));
  });

  it('the operating point of scores that are far apart is far from both', () => {
    const ranked = rankScores(Float32Array.of(0.1, 0.9, 0.2, 0.8, 0.9, 0.1, 1, 0), Int32Array.of(1, 1, 0, 0), 1, 2);
    expect(chosenThreshold(ranked, 'youden')).toBeCloseTo(0.45, 6);
  });

  it('multi-label: macro areas and precision, F1 and accuracy are the same', () => {
    const metrics = multiLabelMetrics(probabilities, yes, patients, classes);
    expect(metrics.auc?.value).toBeCloseTo(reference.multiLabel.auc, 12);
    expect(metrics.averagePrecision).toBeCloseTo(reference.multiLabel.averagePrecision, 12);
    expect(metrics.accuracy?.value).toBeCloseTo(reference.multiLabel.accuracy, 12);
    metrics.perClass.forEach(({ f1 }, index) => expect(f1).toBeCloseTo(reference.multiLabel.f1[index]!, 12));
  });

  it('the Hausdorff distance of volumes and of single images is the same', () => {
    expect(hausdorff95(volumes[0], volumes[1], { size, spacing })).toBeCloseTo(reference.hausdorff95, 9);
    const slice = volumes.map((volume) => volume.subarray(4 * 480, 5 * 480)) as [Uint8Array, Uint8Array];
    const box = { size: [1, 24, 20], spacing: [1, spacing[1], spacing[2]] } as const;
    expect(hausdorff95(...slice, box)).toBeCloseTo(reference.hausdorff95Slice, 9);
  });
});
