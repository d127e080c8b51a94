// The coordinate-wise trimmed mean (Yin et al. 2018, arXiv 1803.01498): closer to the mean than the median is, and bounded by honest
// values while no more sites lie than are trimmed at each end.

/** How many of `count` values are left out at each end. */
export function trimmedAtEachEnd(count: number, trimShare: number): number {
  // 0.29 × 100 is 28.999999999999996.
  return Math.floor(trimShare * count + 1e-9);
}

/** Makes the mean of so many values in ascending order without the lowest and highest, 0 ≤ trimShare < 1/2 of all at each end. */
export function trimmedMean(sites: number, trimShare: number): (ascending: Float64Array) => number {
  const from = trimmedAtEachEnd(sites, trimShare);
  const kept = sites - 2 * from;
  if (kept < 1) throw new RangeError(`of ${sites} updates nothing is left after trimming ${from} at each end`);
  return (ascending) => {
    let sum = 0;
    for (let index = from; index < from + kept; index += 1) sum += ascending[index]!;
    return sum / kept;
  };
}
