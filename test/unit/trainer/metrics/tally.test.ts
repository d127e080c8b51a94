import { describe, expect, it } from 'vitest';
import { evaluationReportSchema } from '../../../../src/contract/metrics.ts';
import { metricsOf } from '../../../../src/trainer/metrics/metrics.ts';
import { metricsTally } from '../../../../src/trainer/metrics/tally.ts';
import { randomStream } from '../../../../src/trainer/run/random.ts';

const classes = ['normal', 'nodule'];
const random = randomStream(5);
const examples = 300;
const labels = Int32Array.from({ length: examples }, (_, index) => index % 2);
const probabilities = Float32Array.from(
  [...labels].flatMap((label) => {
    const score = Math.min(1, Math.max(0, 0.35 + 0.3 * label + 0.5 * (random.uniform() - 0.5)));
    return [1 - score, score];
  }),
);
const patients = Int32Array.from({ length: examples }, (_, index) => Math.floor(index / 3));
const operatingPoint = { rule: 'youden' as const, thresholds: [null, 0.5] };

function tallied(): ReturnType<typeof metricsTally> {
  const tally = metricsTally({ task: 'classification', classes, height: 8, width: 8, examples, operatingPoint });
  for (let start = 0; start < examples; start += 32) {
    const end = Math.min(examples, start + 32);
    tally.add({
      probabilities: probabilities.subarray(2 * start, 2 * end),
      labels: labels.subarray(start, end),
      patients: patients.subarray(start, end),
    });
  }
  return tally;
}

describe('predictions added batch by batch', () => {
  it('have the metrics of all of them at once', () => {
    expect(tallied().metrics()).toEqual(metricsOf(probabilities, labels, patients, classes, operatingPoint));
    expect(tallied().kept()).toEqual({ probabilities, labels, patients });
  });

  it('are reported with curves, reliability and the groups that the examples belong to', () => {
    const groupOf = Int32Array.from({ length: 100 }, (_, patient) => (patient < 40 ? 0 : patient < 98 ? 1 : -1));
    const report = tallied().report([{ by: 'scanner', names: ['Alder', 'Birch', 'never seen'], groupOf }]);
    expect(evaluationReportSchema.parse(report)).toEqual(report);
    expect(report.groups.map(({ name, examples: count }) => [name, count])).toEqual([
      ['Alder', 120],
      ['Birch', 174],
    ]);
    const first = metricsOf(probabilities.slice(0, 240), labels.slice(0, 120), patients.slice(0, 120), classes);
    expect(report.groups[0]?.auc).toEqual(first.auc);
    expect(report.curves.map(({ name }) => name)).toEqual(classes);
    expect(report.curves[1]?.roc[0]).toEqual([0, 0]);
    expect(report.curves[1]?.roc.at(-1)).toEqual([1, 1]);
    expect(report.curves[1]?.roc.length).toBeLessThanOrEqual(200);
    expect(report.reliability.reduce((sum, bin) => sum + bin.examples, 0)).toBe(examples);
  });

  it('are measured at the operating point with intervals', () => {
    const { perClass } = tallied().metrics();
    expect(perClass[0]?.atThreshold).toBeNull();
    const at = perClass[1]!.atThreshold!;
    const hits = [...labels.keys()].filter((index) => labels[index] === 1 && probabilities[2 * index + 1]! >= 0.5);
    expect(at.sensitivity?.value).toBeCloseTo(hits.length / 150, 12);
    expect(at.sensitivity!.low).toBeLessThan(at.sensitivity!.value);
    expect(at.specificity!.high).toBeGreaterThan(at.specificity!.value);
  });
});
