// SCAFFOLD's c: the mean of the sites' control variates by examples, as the trunk is the mean of their updates. Worked out anew for each
// commit from the newest of every site, so that nothing adds up what a site has replaced, lost or taken back.
import { valueCount, type WeightLayout, type Weights, type WeightTensor } from './weights.ts';

export interface OpenTrunkVariate {
  /** In the same order the same bits: order them by site. */
  add(variate: Weights, examples: number): void;
  /** Of `layout`; 0 where nothing was added. */
  mean(): Weights;
}

/** Memory: 8 bytes per number, however many sites there are. */
export function openTrunkVariate(layout: WeightLayout): OpenTrunkVariate {
  const sums = new Map([...layout].map(([name, { shape }]) => [name, new Float64Array(valueCount(shape))]));
  let total = 0;
  return {
    add(variate, examples) {
      total += examples;
      for (const [name, sum] of sums) {
        const values = variate.get(name)?.values;
        if (values?.length !== sum.length) throw new RangeError(`control variate ${name} does not fit the project`);
        for (let index = 0; index < sum.length; index += 1) sum[index]! += examples * values[index]!;
      }
    },
    mean() {
      const mean = new Map<string, WeightTensor>();
      for (const [name, { shape }] of layout) {
        const sum = sums.get(name)!;
        mean.set(name, { shape, values: Float32Array.from(sum, (value) => (total === 0 ? 0 : value / total)) });
      }
      return mean;
    },
  };
}
