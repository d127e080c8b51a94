// Norm clipping: no single update moves the trunk's trained weights further than the project allows. Statistics of batch norm are not
// scaled: part of the way to a measured variance is a value that nobody measured.
import { heldValues, type TensorValues } from './tensor-values.ts';
import { updateNorm } from './update-norm.ts';
import type { WeightLayout, Weights, WeightTensor } from './weights.ts';

interface Clipping {
  /** Largest Euclidean norm of an update's trained weights. */
  readonly clipNorm: number;
  readonly statistics: ReadonlySet<string>;
}

/** The update with its trained weights scaled down together to the norm; a shorter one comes back as it was. */
export function clipUpdate(update: Weights, clipNorm: number, statistics: ReadonlySet<string>): Weights {
  const factor = clipFactor(heldValues(update), update, { clipNorm, statistics });
  if (factor === 1) return update;
  const clipped = new Map<string, WeightTensor>();
  for (const [name, tensor] of update) {
    const { shape, values } = tensor;
    clipped.set(name, statistics.has(name) ? tensor : { shape, values: values.map((value) => value * factor) });
  }
  return clipped;
}

/** The same of an update that is read in blocks: once for its norm, now, and then as it is asked for. */
export function clippedValues(update: TensorValues, layout: WeightLayout, clipping: Clipping): TensorValues {
  const factor = clipFactor(update, layout, clipping);
  if (factor === 1) return update;
  return {
    read(tensor, from, into) {
      update.read(tensor, from, into);
      if (clipping.statistics.has(tensor)) return;
      for (let index = 0; index < into.length; index += 1) into[index]! *= factor;
    },
  };
}

function clipFactor(update: TensorValues, layout: WeightLayout, { clipNorm, statistics }: Clipping): number {
  const norm = updateNorm(update, layout, statistics);
  return norm <= clipNorm ? 1 : clipNorm / norm;
}
