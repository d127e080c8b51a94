// Sums of weights that lie in memory, each counted by its own factor; bit for bit the same in any order.
import { exactSum } from './exact-sum.ts';
import { blocksOf, heldValues } from './tensor-values.ts';
import type { Weights, WeightTensor } from './weights.ts';

/**
 * `Σ factor × weights`, rounded to float32. The first gives the layout.
 * @throws RangeError without any, for weights of another layout, and where the sum is not exact (exact-sum.ts).
 */
export function weightedSum(parts: readonly { readonly weights: Weights; readonly factor: number }[]): Weights {
  const [first] = parts;
  if (first === undefined) throw new RangeError('there is no sum of nothing');
  const layout = first.weights;
  const addends = parts.map(({ weights, factor }) => ({ weights, factor, values: heldValues(weights) }));
  const sums = new Map<string, WeightTensor>();
  for (const [name, { shape, values }] of layout) {
    if (parts.some(({ weights }) => weights.get(name)?.values.length !== values.length)) {
      throw new RangeError(`tensor ${name} does not fit the others`);
    }
    sums.set(name, { shape, values: new Float32Array(values.length) });
  }
  for (const { tensor, from, count } of blocksOf(layout)) {
    const addend = exactSum.begin(count);
    for (const { values, factor } of addends) {
      values.read(tensor, from, addend);
      exactSum.add(factor);
    }
    sums.get(tensor)!.values.set(exactSum.total(), from);
  }
  return sums;
}
