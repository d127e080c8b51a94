// How far from 0 a block of values reaches: what every arriving update is looked at for.
import { exactSumKernel, valuesPerTurn } from './exact-sum-kernel.ts';
import { blockValues } from './tensor-values.ts';

export interface LargestMagnitude {
  /** @returns where so many values, up to `blockValues`, are to be put. */
  begin(count: number): Float32Array;
  /** The largest magnitude of what was put there; no number or infinity where one of them is. */
  of(): number;
}

const valuesAt = 16;

function openLargestMagnitude(): LargestMagnitude {
  const { memory, largest } = exactSumKernel(valuesAt + 4 * blockValues);
  const lanes = { bits: new Int32Array(memory.buffer, 0, 4), float: new Float32Array(memory.buffer, 0, 1) };
  const values = new Float32Array(memory.buffer, valuesAt, blockValues);
  let count = 0;
  return {
    begin(wanted) {
      count = wanted;
      values.fill(0, count, Math.ceil(count / valuesPerTurn) * valuesPerTurn);
      return values.subarray(0, count);
    },
    of() {
      if (count === 0) return 0;
      largest(valuesAt, valuesAt + 4 * count);
      // Without their sign floats are in the order of their bits, and those that are no numbers are above all others.
      lanes.bits[0] = Math.max(...lanes.bits);
      return lanes.float[0]!;
    },
  };
}

/** One for a thread, as the exact sum is. */
export const largestMagnitude: LargestMagnitude = openLargestMagnitude();
