// Norm clipping: no single update moves the trunk's trained weights further than the project allows.
import type { Weights, WeightTensor } from './weights.ts';

/**
 * The update with its trained weights scaled down together to a Euclidean norm of at most `clipNorm`; a shorter one comes
 * back as it was. Statistics of batch norm are neither counted nor scaled: they are means and variances of what a site
 * measured, in units of its images, and part of the way to a measured variance is a value that nobody measured.
 */
export function clipUpdate(update: Weights, clipNorm: number, statistics: ReadonlySet<string>): Weights {
  let squares = 0;
  for (const [name, { values }] of update) {
    if (statistics.has(name)) continue;
    for (const value of values) squares += value * value;
  }
  const norm = Math.sqrt(squares);
  if (norm <= clipNorm) return update;
  const factor = clipNorm / norm;
  const clipped = new Map<string, WeightTensor>();
  for (const [name, tensor] of update) {
    const { shape, values } = tensor;
    clipped.set(name, statistics.has(name) ? tensor : { shape, values: values.map((value) => value * factor) });
  }
  return clipped;
}
