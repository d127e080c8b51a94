// How far an update goes: the Euclidean norm of what it changes of the trained weights. Statistics of batch norm do not count: they are means
// and variances of what a site measured, in units of its images.
import type { Fault } from '../../contract/fault.ts';
import { aggregationFault } from './faults.ts';
import { blocksOf, largestBlock, type TensorValues } from './tensor-values.ts';
import type { WeightLayout } from './weights.ts';

/** Reads the update once. @param statistics names of the tensors that are not trained. */
export function updateNorm(update: TensorValues, layout: WeightLayout, statistics: ReadonlySet<string>): number {
  const values = new Float32Array(largestBlock(layout));
  let squares = 0;
  for (const { tensor, from, count } of blocksOf(layout)) {
    if (statistics.has(tensor)) continue;
    const block = values.subarray(0, count);
    update.read(tensor, from, block);
    for (let index = 0; index < count; index += 1) squares += block[index]! * block[index]!;
  }
  return Math.sqrt(squares);
}

/** Fault 557 for an update that goes further than the project allows; null for every other. */
export function normFault(
  update: TensorValues,
  expected: {
    readonly layout: WeightLayout;
    readonly statistics: ReadonlySet<string>;
    /** Null where a project sets none. */
    readonly maxUpdateNorm: number | null;
  },
): Fault | null {
  const { layout, statistics, maxUpdateNorm } = expected;
  if (maxUpdateNorm === null) return null;
  const norm = updateNorm(update, layout, statistics);
  return norm > maxUpdateNorm ? aggregationFault.normTooLarge(norm, maxUpdateNorm) : null;
}
