// A run keeps only numbers, and says where others came from.
import { notFinite } from '../faults.ts';
import type { Batch } from './batches.ts';
import type { Weights } from './weights-file.ts';

/** The weights, which must be finite: what is kept must be of use. */
export function finite(weights: Weights, where: string): Weights {
  for (const [name, values] of weights) {
    if (!values.every(Number.isFinite)) throw notFinite(`a weight of ${name}`, where);
  }
  return weights;
}

/** What made a loss not finite: a value of the images, or weights that grew without bound. */
export function causeOf(
  batch: Batch,
  learningRate: number,
  session: { weights(): Weights },
): { cause: string; advice?: string } {
  if (!batch.images.every(Number.isFinite)) {
    return { cause: 'an image of this step holds a value that is no number', advice: 'Build the data set again.' };
  }
  let largest = 0;
  for (const values of session.weights().values()) {
    for (const value of values) largest = Math.max(largest, Number.isFinite(value) ? Math.abs(value) : Infinity);
  }
  const size = Number.isFinite(largest) ? `have grown to ${largest.toPrecision(2)}` : 'have grown beyond all bounds';
  return {
    cause: `its images are sound, but the weights ${size} at a learning rate of ${learningRate.toPrecision(2)}`,
  };
}
