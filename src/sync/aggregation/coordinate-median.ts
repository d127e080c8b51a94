// The coordinate-wise median: as long as fewer than half of the sites lie, each weight stays between honest values
// (Yin et al. 2018, arXiv 1803.01498).

/** Chooses the middle value of so many in ascending order; of an even number the mean of the two in the middle. */
export function coordinateMedian(sites: number): (ascending: Float64Array) => number {
  if (sites === 0) throw new RangeError('there is no median of nothing');
  const upper = sites >> 1;
  const lower = (sites - 1) >> 1;
  return (ascending) => (ascending[lower]! + ascending[upper]!) / 2;
}
