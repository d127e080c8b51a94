// The coordinate-wise trimmed mean (Yin et al. 2018, arXiv 1803.01498): closer to the mean than the median is, and bounded by honest
// values while no more sites lie than are trimmed at each end.
import { byCoordinate } from './by-coordinate.ts';
import type { SiteUpdate } from './site-updates.ts';
import type { Weights } from './weights.ts';

/** How many of `count` values are left out at each end. */
export function trimmedAtEachEnd(count: number, trimShare: number): number {
  // 0.29 × 100 is 28.999999999999996.
  return Math.floor(trimShare * count + 1e-9);
}

/** The mean of each weight without the lowest and highest values, 0 ≤ trimShare < 1/2 of all at each end. */
export function trimmedMean(
  layout: Weights,
  updates: readonly SiteUpdate[],
  trimShare: number,
): ReadonlyMap<string, Float64Array> {
  const from = trimmedAtEachEnd(updates.length, trimShare);
  const kept = updates.length - 2 * from;
  if (kept < 1) throw new RangeError(`of ${updates.length} updates nothing is left after trimming ${from} at each end`);
  return byCoordinate(layout, updates, (ascending) => {
    let sum = 0;
    for (let index = from; index < from + kept; index += 1) sum += ascending[index]!;
    return sum / kept;
  });
}
