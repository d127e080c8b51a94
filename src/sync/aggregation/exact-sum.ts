// A weighted sum that does not depend on the order of its addends, not even in its last bit.
// Each weighted value is rounded to a multiple of 2⁻³⁸; such whole numbers of units add up exactly, as 64-bit integers, hence
// commutatively and associatively. It sums a block of values at a time: read where they are wanted, and in the processor's cache.
import { blockValues } from './tensor-values.ts';
import { exactSumKernel, toWholeBits, valuesPerTurn } from './exact-sum-kernel.ts';

/** Units per 1: a resolution of 3.6e-12. */
const unitsPerOne = 2 ** 38;
/** Largest sum: as many units as a double holds exactly, and room beside. */
const largestSum = 4_096;
/** Largest weighted value: 2⁵¹ units, up to which the kernel's rounding is one. */
const largestAddend = 8_192;
/** So many of the largest addends cannot leave the 64-bit integers. */
const mostAddends = 4_095;

export interface ExactSum {
  /**
   * Begins the sum of so many values, up to `blockValues`, and ends the one before.
   * @returns where the values of each addend are to be put, in turn.
   */
  begin(count: number): Float32Array;
  /**
   * Adds `weight ×` what was put there.
   * @throws RangeError for a weighted value beyond ±8192, or one that is no number; the sum is then of no further use.
   */
  add(weight: number): void;
  /** What was added up, until the next begins; the caller's to change. @throws RangeError for a sum beyond ±4096. */
  total(): Float64Array;
}

const sumsAt = 16;
const valuesAt = sumsAt + 8 * blockValues;

function openExactSum(): ExactSum {
  const { memory, add, finish } = exactSumKernel(valuesAt + 4 * blockValues);
  const largestBits = new Int32Array(memory.buffer, 0, 4);
  const largest = new Float32Array(memory.buffer, 0, 4);
  const sums = new BigInt64Array(memory.buffer, sumsAt, blockValues);
  const totals = new Float64Array(memory.buffer, sumsAt, blockValues);
  const values = new Float32Array(memory.buffer, valuesAt, blockValues);
  let count = 0;
  let addends = 0;
  return {
    begin(wanted) {
      count = wanted;
      addends = 0;
      const whole = Math.ceil(count / valuesPerTurn) * valuesPerTurn;
      sums.fill(0n, 0, whole);
      values.fill(0, count, whole);
      return values.subarray(0, count);
    },
    add(weight) {
      addends += 1;
      if (addends > mostAddends) throw new RangeError(`more than ${mostAddends} addends`);
      if (count === 0) return;
      add(sumsAt, valuesAt, valuesAt + 4 * count, weight * unitsPerOne);
      largestBits[0] = Math.max(...largestBits);
      // Not so for what is no number, on either side.
      if (!(Math.abs(weight) * largest[0]! <= largestAddend)) {
        throw new RangeError(`${weight} × a value of up to ${largest[0]} is no addend: it is too large, or no number`);
      }
    },
    total() {
      if (count > 0) {
        finish(sumsAt, sumsAt + 8 * count, BigInt.asIntN(64, BigInt(addends) * toWholeBits), 1 / unitsPerOne);
      }
      const total = totals.subarray(0, count);
      let farthest = 0;
      for (let index = 0; index < count; index += 1) farthest = Math.max(farthest, Math.abs(total[index]!));
      if (farthest > largestSum) throw new RangeError(`the sum is not exact any more: it reaches ${farthest}`);
      return total;
    },
  };
}

/** One for all of a thread's sums, one after the other: opening it takes longer than many a sum. */
export const exactSum: ExactSum = openExactSum();
