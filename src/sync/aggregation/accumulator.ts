// A weighted sum of updates that does not depend on the order of arrival, not even in its last bit.
// Each weighted value is rounded to a multiple of 2⁻³⁸ and summed as a whole number held in a double: as far as 2⁵³ such
// sums are exact, hence commutative and associative. Memory: 8 bytes per weight, however many updates are added.
import type { Weights } from './weights.ts';

/** Units per 1: a resolution of 3.6e-12. */
const fixedPointScale = 2 ** 38;
/** Largest sum, in units: ±4096. An eighth of what the whole numbers of a double allow leaves room for `toWhole`. */
const maxUnits = 2 ** 50;
/**
 * Adding this to |x| ≤ 2⁵¹ leaves no bits for a fraction, so that x + toWhole − toWhole is x rounded to a whole number (ties
 * to even): several times faster than Math.round. Two sums within ±2⁵⁰ differ by at most 2⁵¹, so the check of the sums holds x too.
 */
const toWhole = 1.5 * 2 ** 52;

export interface Accumulator {
  /**
   * Adds `weight × update`.
   * @throws RangeError when a sum leaves ±4096, where it is exact; the accumulator is then of no further use.
   */
  add(update: Weights, weight: number): void;
  /** The sum so far, as doubles by tensor name. */
  sum(): ReadonlyMap<string, Float64Array>;
}

/** An empty accumulator for updates of this layout (only its names and sizes are read). */
export function openAccumulator(layout: Weights): Accumulator {
  const totals = new Map([...layout].map(([name, { values }]) => [name, new Float64Array(values.length)]));
  return {
    add(update, weight) {
      if (!Number.isFinite(weight)) throw new RangeError(`the weight of an update is ${weight}`);
      const factor = weight * fixedPointScale;
      for (const [name, total] of totals) {
        const values = update.get(name)?.values;
        if (values?.length !== total.length) throw new RangeError(`tensor ${name} does not fit the accumulator`);
        if (!addScaled(total, values, factor)) {
          throw new RangeError(`the sum of tensor ${name} is not exact any more: a value is too large`);
        }
      }
    },
    sum: () => new Map([...totals].map(([name, total]) => [name, total.map((units) => units / fixedPointScale)])),
  };
}

/** Adds `factor × values`, each rounded to a whole number. Whether every sum stayed exact; a NaN is not. */
function addScaled(totals: Float64Array, values: Float32Array, factor: number): boolean {
  let largest = 0;
  for (let index = 0; index < totals.length; index += 1) {
    const total = totals[index]! + (factor * values[index]! + toWhole - toWhole);
    totals[index] = total;
    // Math.max keeps a NaN once it has met one.
    largest = Math.max(largest, Math.abs(total));
  }
  return largest <= maxUnits;
}
