// Statistics of batch norm in updates: measured, not trained. A site measures them whole and sends the difference to what it started from.
import { aggregationFault } from './faults.ts';
import { blocksOf, largestBlock, type TensorValues } from './tensor-values.ts';
import type { WeightLayout } from './weights.ts';

/** Largest mean or variance that a site may have measured. Between any two of them, differences stay within what a commit adds up exactly (exact-sum.ts). */
export const largestStatistic = 2_048;
/** A variance of nothing is 0; as a difference in float16 it comes back so much below, of each 1 of the difference. */
const float16Rounding = 2 ** -11;

/**
 * Refuses statistics that no images have. The mean of what is left stays within the same bounds, so that no later update, however stale,
 * can be too far from it.
 * @param from the weights that the update started from.
 * @throws Fault 563 for a mean or variance beyond `largestStatistic`, or a variance below zero.
 */
export function checkStatistics(
  update: TensorValues,
  of: { readonly layout: WeightLayout; readonly from: TensorValues; readonly statistics: ReadonlySet<string> },
): void {
  const changes = new Float32Array(largestBlock(of.layout));
  const before = new Float32Array(changes.length);
  for (const { tensor, from, count } of blocksOf(of.layout)) {
    if (!of.statistics.has(tensor)) continue;
    update.read(tensor, from, changes.subarray(0, count));
    of.from.read(tensor, from, before.subarray(0, count));
    const isVariance = tensor.endsWith('.variance');
    for (let index = 0; index < count; index += 1) {
      const measured = before[index]! + changes[index]!;
      const least = isVariance ? -Math.abs(changes[index]!) * float16Rounding : -largestStatistic;
      if (!(measured >= least && measured <= largestStatistic)) throw aggregationFault.noStatistic(tensor, measured);
    }
  }
}

/**
 * A stale update with its statistics made relative to `current` instead of the `base` that it started from, so that a commit
 * averages what the sites measured. Added up as differences from different bases, variances could fall below zero.
 */
export function rebasedStatistics(
  update: TensorValues,
  bases: { readonly base: TensorValues; readonly current: TensorValues; readonly statistics: ReadonlySet<string> },
): TensorValues {
  let [before, now] = [new Float32Array(0), new Float32Array(0)];
  return {
    read(tensor, from, into) {
      update.read(tensor, from, into);
      if (!bases.statistics.has(tensor)) return;
      if (before.length < into.length) [before, now] = [new Float32Array(into.length), new Float32Array(into.length)];
      bases.base.read(tensor, from, before.subarray(0, into.length));
      bases.current.read(tensor, from, now.subarray(0, into.length));
      for (let index = 0; index < into.length; index += 1) into[index] = into[index]! + before[index]! - now[index]!;
    },
  };
}
