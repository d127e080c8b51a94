// The coordinate-wise median: as long as fewer than half of the sites lie, each weight stays between honest values
// (Yin et al. 2018, arXiv 1803.01498).
import { byCoordinate } from './by-coordinate.ts';
import type { SiteUpdate } from './site-updates.ts';
import type { Weights } from './weights.ts';

/** The middle value of each weight; of an even number of updates the mean of the two in the middle. */
export function coordinateMedian(layout: Weights, updates: readonly SiteUpdate[]): ReadonlyMap<string, Float64Array> {
  if (updates.length === 0) throw new RangeError('there is no median of nothing');
  const upper = updates.length >> 1;
  const lower = (updates.length - 1) >> 1;
  return byCoordinate(layout, updates, (ascending) => (ascending[lower]! + ascending[upper]!) / 2);
}
