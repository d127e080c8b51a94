// The metrics of one set of predictions: pure functions of probabilities, labels and patients.
import type { Estimate, Metrics } from '../../contract/training.ts';
import { predictionsUnusable } from '../faults.ts';
import { calibrationError, logLoss } from './calibration.ts';
import { numbered, normalInterval, patientBootstrap, wilsonInterval } from './intervals.ts';
import { areaUnderCurve, areaVariance, rankScores, type RankedScores } from './roc.ts';

/**
 * Everything measured on one split. The same input gives the same intervals (fixed bootstrap seed).
 * @param probabilities row-major [examples, classes].
 * @param labels true class of each example.
 * @param patients a number per example that tells patients apart.
 * @param classes names of the classes in label order.
 * @throws Fault 363 when lengths disagree, a label is out of range or a probability is not a finite number.
 */
export function metricsOf(
  probabilities: Float32Array,
  labels: Int32Array,
  patients: Int32Array,
  classes: readonly string[],
): Metrics {
  checkPredictions(probabilities, labels, classes.length);
  if (patients.length !== labels.length) throw predictionsUnusable('patients and labels differ in number');
  const examples = labels.length;
  const predicted = topClasses(probabilities, examples, classes.length);
  const isRight = Uint8Array.from(predicted.classes, (top, example) => (top === labels[example] ? 1 : 0));
  const confusion = confusionMatrix(labels, predicted.classes, classes.length);
  const ranked = classes.map((_, index) => rankScores(probabilities, labels, index, classes.length));
  const areas = ranked.map((scores) => areaUnderCurve(scores));
  const perClass = classes.map((name, index) => {
    const rates = classRates(confusion, index);
    return { name, ...rates, auc: areas[index]! };
  });
  return {
    examples,
    patients: numbered(patients).count,
    loss: logLoss(probabilities, labels, classes.length),
    accuracy: accuracyEstimate(isRight, patients),
    auc: classes.length === 2 ? binaryArea(ranked[1]!, patients) : macroArea(ranked, patients),
    balancedAccuracy: mean(perClass.flatMap(({ sensitivity }) => (sensitivity === null ? [] : [sensitivity]))) ?? 0,
    calibrationError: calibrationError(predicted.probabilities, isRight),
    perClass,
    confusion,
  };
}

/**
 * Area under the ROC curve alone, quick enough to score thousands of ensembles: class 1 for two classes, else the mean
 * over the classes that have positives and negatives. Null where no class has both.
 */
export function aucOf(probabilities: Float32Array, labels: Int32Array, classes: number): number | null {
  checkPredictions(probabilities, labels, classes);
  if (classes === 2) return areaUnderCurve(rankScores(probabilities, labels, 1, 2));
  const areas: number[] = [];
  for (let index = 0; index < classes; index += 1) {
    const area = areaUnderCurve(rankScores(probabilities, labels, index, classes));
    if (area !== null) areas.push(area);
  }
  return mean(areas);
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
function classRates(
  confusion: readonly (readonly number[])[],
  index: number,
): { examples: number; sensitivity: number | null; specificity: number | null } {
  const total = confusion.flat().reduce((sum, cell) => sum + cell, 0);
  const examples = confusion[index]!.reduce((sum, cell) => sum + cell, 0);
  const called = confusion.reduce((sum, row) => sum + row[index]!, 0);
  const hits = confusion[index]![index]!;
  const others = total - examples;
  return {
    examples,
    sensitivity: examples > 0 ? hits / examples : null,
    specificity: others > 0 ? (others - (called - hits)) / others : null,
  };
}

/** A bootstrap knows no width where all answers are right or all wrong; Wilson's interval over patients does. */
function accuracyEstimate(isRight: Uint8Array, patients: Int32Array): Estimate {
  const right = isRight.reduce((total, flag) => total + flag, 0);
  if (isRight.length === 0) return null;
  const value = right / isRight.length;
  if (right === 0 || right === isRight.length) return wilsonInterval(value, numbered(patients).count);
  const interval = patientBootstrap(patients, (weights) => {
    let total = 0;
    let rightWeight = 0;
    for (let example = 0; example < weights.length; example += 1) {
      total += weights[example]!;
      rightWeight += weights[example]! * isRight[example]!;
    }
    return total > 0 ? rightWeight / total : null;
  });
  return interval === null ? null : { value, ...interval };
}

function binaryArea(ranked: RankedScores, patients: Int32Array): Estimate {
  const value = areaUnderCurve(ranked);
  if (value === null) return null;
  const variance = areaVariance(ranked, patients);
  // One patient on a side says nothing about other patients: the interval is everything.
  return variance === null ? { value, low: 0, high: 1 } : normalInterval(value, variance);
}

function macroArea(ranked: readonly RankedScores[], patients: Int32Array): Estimate {
  const macro = (weights?: Float64Array): number | null =>
    mean(ranked.map((scores) => areaUnderCurve(scores, weights)).filter((area) => area !== null));
  const value = macro();
  if (value === null) return null;
  const interval = patientBootstrap(patients, macro);
  return interval === null ? null : { value, ...interval };
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((total, value) => total + value, 0) / values.length;
}
