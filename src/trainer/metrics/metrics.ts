// The metrics of one set of predictions: pure functions of probabilities, labels and patients.
import type { ClassMetrics, Estimate, Metrics, OperatingPoint } from '../../contract/metrics.ts';
import { predictionsUnusable } from '../faults.ts';
import { calibrationError, logLoss } from './calibration.ts';
import { areaScoreInterval, numbered, normalInterval, patientBootstrap } from './intervals.ts';
import { chosenThreshold, ratesAt, shareRight } from './operating-point.ts';
import { averagePrecision } from './precision-recall.ts';
import { areaUnderCurve, areaVariance, patientsBySide, rankScores, type RankedScores } from './roc.ts';

/**
 * Everything measured on one split. The same input gives the same intervals (fixed bootstrap seed).
 * @param probabilities row-major [examples, classes].
 * @param labels true class of each example.
 * @param patients a number per example that tells patients apart.
 * @param classes names of the classes in label order.
 * @param operatingPoint thresholds chosen on other images, to be measured too.
 * @throws Fault 363 when lengths disagree, a label is out of range or a probability is not a finite number.
 */
export function metricsOf(
  probabilities: Float32Array,
  labels: Int32Array,
  patients: Int32Array,
  classes: readonly string[],
  operatingPoint: OperatingPoint | null = null,
): Metrics {
  checkPredictions(probabilities, labels, classes.length);
  if (patients.length !== labels.length) throw predictionsUnusable('patients and labels differ in number');
  const examples = labels.length;
  const predicted = topClasses(probabilities, examples, classes.length);
  const isRight = Uint8Array.from(predicted.classes, (top, example) => (top === labels[example] ? 1 : 0));
  const confusion = confusionMatrix(labels, predicted.classes, classes.length);
  const ranked = classes.map((_, index) => rankScores(probabilities, labels, index, classes.length));
  const perClass = classes.map((name, index) => ({
    name,
    ...classRates(confusion, index),
    ...rankedMetrics(ranked[index]!, patients, operatingPoint?.thresholds[index] ?? null),
  }));
  const isBinary = classes.length === 2;
  return {
    task: 'classification',
    examples,
    patients: numbered(patients).count,
    loss: logLoss(probabilities, labels, classes.length),
    accuracy: shareRight(isRight, patients),
    auc: isBinary ? binaryArea(ranked[1]!, patients) : macroArea(ranked, patients),
    balancedAccuracy: meanOf(perClass.map(({ sensitivity }) => sensitivity)) ?? 0,
    calibrationError: calibrationError(predicted.probabilities, isRight),
    averagePrecision: meanOf((isBinary ? perClass.slice(1) : perClass).map((entry) => entry.averagePrecision)),
    f1: meanOf((isBinary ? perClass.slice(1) : perClass).map(({ f1 }) => f1)),
    ...noSegmentation,
    perClass,
    confusion,
  };
}

/** What only a segmentation has. */
export const noSegmentation = { dice: null, hausdorff95: null, hausdorffUnit: null, hausdorffPatients: null } as const;

/** What the order of one class's scores tells. */
export function rankedMetrics(
  ranked: RankedScores,
  patients: Int32Array,
  threshold: number | null,
): Omit<ClassMetrics, 'name' | 'examples' | 'sensitivity' | 'specificity' | 'f1'> {
  return {
    auc: areaUnderCurve(ranked),
    averagePrecision: averagePrecision(ranked),
    dice: null,
    hausdorff95: null,
    youdenThreshold: chosenThreshold(ranked, 'youden'),
    atThreshold: threshold === null ? null : ratesAt(threshold, ranked, patients),
  };
}

/**
 * Area under the ROC curve alone, quick enough to score thousands of ensembles: class 1 for two classes, else the mean
 * over the classes that have positives and negatives. Null where no class has both.
 */
export function aucOf(probabilities: Float32Array, labels: Int32Array, classes: number): number | null {
  checkPredictions(probabilities, labels, classes);
  if (classes === 2) return areaUnderCurve(rankScores(probabilities, labels, 1, 2));
  const ranked = Array.from({ length: classes }, (_, index) => rankScores(probabilities, labels, index, classes));
  return meanOf(ranked.map((scores) => areaUnderCurve(scores)));
}

function checkPredictions(probabilities: Float32Array, labels: Int32Array, classes: number): void {
  if (probabilities.length !== labels.length * classes) {
    throw predictionsUnusable(`${probabilities.length} probabilities for ${labels.length} × ${classes}`);
  }
  if (!labels.every((label) => label >= 0 && label < classes)) throw predictionsUnusable('a label is out of range');
  if (!probabilities.every(Number.isFinite)) throw predictionsUnusable('a probability is not a finite number');
}

/** The most probable class of each example (the first of equals) and its probability. */
function topClasses(
  probabilities: Float32Array,
  examples: number,
  classes: number,
): { classes: Int32Array; probabilities: Float64Array } {
  const top = new Int32Array(examples);
  const topProbabilities = new Float64Array(examples);
  for (let example = 0; example < examples; example += 1) {
    let best = 0;
    for (let index = 1; index < classes; index += 1) {
      if (probabilities[example * classes + index]! > probabilities[example * classes + best]!) best = index;
    }
    top[example] = best;
    topProbabilities[example] = probabilities[example * classes + best]!;
  }
  return { classes: top, probabilities: topProbabilities };
}

function confusionMatrix(labels: Int32Array, predicted: Int32Array, classes: number): number[][] {
  const matrix = Array.from({ length: classes }, () => Array.from({ length: classes }, () => 0));
  labels.forEach((label, example) => {
    const row = matrix[label]!;
    row[predicted[example]!] = row[predicted[example]!]! + 1;
  });
  return matrix;
}

/** One class against the rest at the most-probable-class decision; null where there is nothing to divide by. */
export function classRates(
  confusion: readonly (readonly number[])[],
  index: number,
): { examples: number; sensitivity: number | null; specificity: number | null; f1: number | null } {
  const total = confusion.flat().reduce((sum, cell) => sum + cell, 0);
  const examples = confusion[index]!.reduce((sum, cell) => sum + cell, 0);
  const called = confusion.reduce((sum, row) => sum + row[index]!, 0);
  const hits = confusion[index]![index]!;
  const others = total - examples;
  return {
    examples,
    sensitivity: examples > 0 ? hits / examples : null,
    specificity: others > 0 ? (others - (called - hits)) / others : null,
    f1: examples + called > 0 ? (2 * hits) / (examples + called) : null,
  };
}

function binaryArea(ranked: RankedScores, patients: Int32Array): Estimate {
  const value = areaUnderCurve(ranked);
  if (value === null) return null;
  const variance = areaVariance(ranked, patients);
  // DeLong's has no width where all scores are in the right order (or the wrong one), and none at all with one patient on a side.
  return variance === null || variance < noVariance
    ? scoreInterval(value, ranked, patients)
    : normalInterval(value, variance);
}

/** What is left of a variance of zero after sums of float64. */
const noVariance = 1e-12;

function scoreInterval(value: number, ranked: RankedScores, patients: Int32Array): NonNullable<Estimate> {
  // One patient says nothing about others.
  if (numbered(patients).count === 1) return { value, low: 0, high: 1 };
  return areaScoreInterval(value, patientsBySide(ranked, patients));
}

/** Mean of the classes' areas, with a bootstrap over patients. */
export function macroArea(ranked: readonly RankedScores[], patients: Int32Array): Estimate {
  const macro = (weights?: Float64Array): number | null =>
    meanOf(ranked.map((scores) => areaUnderCurve(scores, weights)));
  const value = macro();
  if (value === null) return null;
  const interval = patientBootstrap(patients, macro);
  if (interval === null || interval.low < interval.high) return interval === null ? null : { value, ...interval };
  // No resample differs: the means of the classes' own ends, which are no narrower than the mean's.
  const each = ranked.flatMap((scores) => {
    const area = areaUnderCurve(scores);
    return area === null ? [] : [scoreInterval(area, scores, patients)];
  });
  return { value, low: meanOf(each.map(({ low }) => low))!, high: meanOf(each.map(({ high }) => high))! };
}

/** The mean of the values that there are; null where there is none. */
export function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((total, value) => total + value, 0) / known.length;
}
