// Statistics of stale updates.
import type { TensorValues } from './tensor-values.ts';

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
