// Metrics where an image has any number of labels: each label is a question of its own, answered yes from one half on.
import type { ClassMetrics, Metrics, OperatingPoint } from '../../contract/metrics.ts';
import { predictionsUnusable } from '../faults.ts';
import { reliability, surprise } from './calibration.ts';
import { numbered } from './intervals.ts';
import { macroArea, meanOf, noSegmentation, rankedMetrics } from './metrics.ts';
import { shareRight } from './operating-point.ts';
import { rankColumn } from './roc.ts';

/**
 * @param probabilities row-major [examples, classes], each of its own (they need not sum to 1).
 * @param labels row-major [examples, classes] of 0 and 1.
 * @param patients a number per example that tells patients apart.
 * @throws Fault 363 when lengths disagree or a probability is not a finite number.
 */
export function multiLabelMetrics(
  probabilities: Float32Array,
  labels: Uint8Array,
  patients: Int32Array,
  classes: readonly string[],
  operatingPoint: OperatingPoint | null = null,
): Metrics {
  const examples = patients.length;
  if (probabilities.length !== labels.length || labels.length !== examples * classes.length) {
    throw predictionsUnusable(`${probabilities.length} probabilities for ${labels.length} labels`);
  }
  if (!probabilities.every(Number.isFinite)) throw predictionsUnusable('a probability is not a finite number');
  const isRight = Uint8Array.from(labels, (label, place) => (probabilities[place]! >= 0.5 === (label === 1) ? 1 : 0));
  const calibration = reliability();
  let loss = 0;
  labels.forEach((label, place) => {
    const probability = probabilities[place]!;
    loss += surprise(label === 1 ? probability : 1 - probability);
    calibration.add(probability, label === 1);
  });
  const ranked = classes.map((_, index) =>
    rankColumn(probabilities, index, classes.length, (example) => labels[example * classes.length + index] === 1),
  );
  const perClass: ClassMetrics[] = classes.map((name, index) => ({
    name,
    ...labelRates(labels, isRight, index, classes.length),
    ...rankedMetrics(ranked[index]!, patients, operatingPoint?.thresholds[index] ?? null),
  }));
  const patientOfLabel = Int32Array.from(labels, (_, place) => patients[Math.floor(place / classes.length)]!);
  return {
    task: 'multi-label',
    examples,
    patients: numbered(patients).count,
    loss: labels.length === 0 ? 0 : loss / labels.length,
    accuracy: shareRight(isRight, patientOfLabel),
    auc: macroArea(ranked, patients),
    balancedAccuracy: meanOf(perClass.flatMap(({ sensitivity, specificity }) => [sensitivity, specificity])) ?? 0,
    calibrationError: calibration.error(),
    averagePrecision: meanOf(perClass.map((entry) => entry.averagePrecision)),
    f1: meanOf(perClass.map(({ f1 }) => f1)),
    ...noSegmentation,
    perClass,
    confusion: [],
  };
}

function labelRates(
  labels: Uint8Array,
  isRight: Uint8Array,
  index: number,
  classes: number,
): Pick<ClassMetrics, 'examples' | 'sensitivity' | 'specificity' | 'f1'> {
  // [true no, true yes] by [wrong, right].
  const counts = [
    [0, 0],
    [0, 0],
  ] as [[number, number], [number, number]];
  for (let place = index; place < labels.length; place += classes) {
    const side = counts[labels[place] === 1 ? 1 : 0];
    side[isRight[place] === 1 ? 1 : 0] += 1;
  }
  const [[falsePositives, trueNegatives], [falseNegatives, truePositives]] = counts;
  const examples = truePositives + falseNegatives;
  const others = trueNegatives + falsePositives;
  const divided = 2 * truePositives + falsePositives + falseNegatives;
  return {
    examples,
    sensitivity: examples > 0 ? truePositives / examples : null,
    specificity: others > 0 ? trueNegatives / others : null,
    f1: divided > 0 ? (2 * truePositives) / divided : null,
  };
}
