// What each class weighs in the loss: of one label the image's class, of several labels the positives of each, of masks each pixel's.
import type { DatasetHeader } from '../../contract/dataset.ts';
import type { HyperParameters } from '../../contract/training.ts';
import { classWeightsUnusable } from '../faults.ts';
import { lossOf } from '../networks/loss-of.ts';

/** A rarer class is balanced no further: a handful of its examples would decide everything. */
const mostWeight = 20;

interface WeighedImages {
  readonly header: Pick<DatasetHeader, 'task' | 'classes' | 'classPixels'>;
  readonly labels: Int32Array | Uint8Array;
}

/**
 * By class; null where all weigh alike. `onNote` hears of weights that were cut.
 * @throws Fault 365 where weights are given that cannot be used
 */
export function classWeightsFor(
  { header, labels }: WeighedImages,
  examples: Int32Array,
  hyper: Pick<HyperParameters, 'balanceClasses' | 'classWeights' | 'loss' | 'privacy'>,
  onNote: (note: string) => void,
): number[] | null {
  const { task, classes, classPixels } = header;
  if (hyper.classWeights !== null) return givenWeights(classes, hyper.classWeights, hyper.privacy !== null);
  // With a privacy promise, what the labels are like is told to nobody: not to the loss either.
  if (!hyper.balanceClasses || hyper.privacy !== null) return null;
  if (task === 'classification')
    return cut(inverseFrequencies(countsOf(labels, examples, classes.length)), classes, onNote);
  if (task === 'segmentation') {
    // Dice weighs a region by itself, however small: weights on top would only draw it too large.
    if (lossOf(task, hyper.loss) === 'dice-cross-entropy' || classPixels === undefined) return null;
    return cut(inverseFrequencies(Float64Array.from(classPixels)), classes, onNote);
  }
  const positives = new Float64Array(classes.length);
  for (const example of examples)
    for (let label = 0; label < classes.length; label += 1)
      positives[label]! += labels[example * classes.length + label]!;
  const weights = Array.from(positives, (count) => (count > 0 ? (examples.length - count) / count : 1));
  // A label that most images have is not held down: its negatives are the rare ones, and they are not weighed.
  return cut(
    weights.map((weight) => Math.max(1, weight)),
    classes,
    onNote,
  );
}

/** By class, 1 where none is named. @throws Fault 365 */
export function givenWeights(
  classes: readonly string[],
  given: Readonly<Record<string, number>>,
  isPrivate: boolean,
): number[] {
  const unknown = Object.keys(given).filter((name) => !classes.includes(name));
  if (unknown.length > 0)
    throw classWeightsUnusable(
      `the cohort has no class ${unknown.map((name) => `“${name}”`).join(', ')}; its classes are ${classes.join(', ')}`,
    );
  if (isPrivate) throw classWeightsUnusable('with a privacy promise every image counts alike');
  return classes.map((name) => given[name] ?? 1);
}

function countsOf(labels: Int32Array | Uint8Array, examples: Int32Array, classes: number): Float64Array {
  const counts = new Float64Array(classes);
  for (const example of examples) counts[labels[example]!]! += 1;
  return counts;
}

/** n / (classes that there are × n of the class); 1 for a class that has none. */
function inverseFrequencies(counts: Float64Array): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const present = counts.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0);
  return Array.from(counts, (count) => (count > 0 ? total / (present * count) : 1));
}

function cut(weights: readonly number[], classes: readonly string[], onNote: (note: string) => void): number[] {
  const rare = classes.filter((_, index) => weights[index]! > mostWeight);
  if (rare.length > 0)
    onNote(
      `${rare.map((name) => `“${name}”`).join(', ')} ${rare.length === 1 ? 'is' : 'are'} very rare: weighed ${mostWeight} times, and no more.`,
    );
  return weights.map((weight) => Math.min(mostWeight, weight));
}
