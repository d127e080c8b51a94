// A weighted sum of updates that does not depend on the order of arrival, not even in its last bit.
// Each weighted value is rounded to a multiple of 2⁻⁴⁰ and summed as a whole number held in a double: below 2⁵³ such
// sums are exact, hence commutative and associative. Memory: 8 bytes per weight, however many updates are added.
import type { Weights } from './weights.ts';

/** 2⁴⁰: sums up to ±8192 at a resolution of 9e-13. */
const fixedPointScale = 2 ** 40;

export interface Accumulator {
  /**
   * Adds `weight × update`.
   * @throws RangeError when a sum leaves the range in which it is exact; the accumulator is then of no further use.
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
        let isExact = true;
        for (let index = 0; index < total.length; index += 1) {
          const next = total[index]! + Math.round(factor * values[index]!);
          total[index] = next;
          // A NaN fails the comparison too.
          if (!(Math.abs(next) <= Number.MAX_SAFE_INTEGER)) isExact = false;
        }
        if (!isExact) throw new RangeError(`the sum of tensor ${name} is not exact any more: a value is too large`);
      }
    },
    sum: () => new Map([...totals].map(([name, total]) => [name, total.map((units) => units / fixedPointScale)])),
  };
}
