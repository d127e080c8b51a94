// Values of tensors, read a block at a time: a commit holds a block of each update, and never a whole one.
import { valueCount, type WeightLayout, type Weights } from './weights.ts';

/**
 * Most values of a block. Larger ones leave the processor's cache, and of smaller ones reading from a file costs more than adding up.
 * A multiple of the values that share a scale (compact-update.ts).
 */
export const blockValues = 65_536;

export interface Block {
  readonly tensor: string;
  /** Index of its first value in the tensor, row-major. */
  readonly from: number;
  readonly count: number;
}

export interface TensorValues {
  /** Fills `into` with a tensor's values from `from` on. Each tensor is read in order; from 0 again as often as wanted. */
  read(tensor: string, from: number, into: Float32Array): void;
}

/** Every value of the layout, in its order. */
export function* blocksOf(layout: WeightLayout): Generator<Block> {
  for (const [tensor, { shape }] of layout) {
    const values = valueCount(shape);
    for (let from = 0; from < values; from += blockValues) {
      yield { tensor, from, count: Math.min(blockValues, values - from) };
    }
  }
}

/** How many values the layout's largest block has: no more room is needed to hold one. */
export function largestBlock(layout: WeightLayout): number {
  return Math.min(blockValues, Math.max(0, ...[...layout.values()].map(({ shape }) => valueCount(shape))));
}

/** Of weights in memory. @throws RangeError when something is read that they have not. */
export function heldValues(weights: Weights): TensorValues {
  return {
    read(tensor, from, into) {
      const values = weights.get(tensor)?.values;
      if (values === undefined || values.length < from + into.length) {
        throw new RangeError(`tensor ${tensor} does not fit the layout`);
      }
      into.set(values.subarray(from, from + into.length));
    },
  };
}
