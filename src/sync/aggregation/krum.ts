// Krum and Multi-Krum (Blanchard et al. 2017, "Machine Learning with Adversaries"): of n updates of which up to f may lie, keep those that
// have their n − f − 2 nearest neighbours closest. Distances are over all weights, statistics included: who lies in these only lies too.
import type { SiteRows } from './site-rows.ts';
import { blocksOf } from './tensor-values.ts';
import type { WeightLayout } from './weights.ts';

/** Fewest updates among which f liars cannot decide. */
export function fewestForKrum(byzantine: number): number {
  return 2 * byzantine + 3;
}

/**
 * The `kept` sites whose updates have the lowest scores (all, when there are no more), best first; of equal scores the first by name.
 * A score is the sum of the squared distances to the n − f − 2 nearest others. Reads every update once.
 */
export function krumKept(
  rows: Pick<SiteRows, 'sites' | 'read'>,
  layout: WeightLayout,
  { byzantine, kept }: { readonly byzantine: number; readonly kept: number },
): readonly string[] {
  const { sites } = rows;
  if (sites.length < fewestForKrum(byzantine)) {
    throw new RangeError(`${sites.length} updates are too few for Krum with ${byzantine} liars`);
  }
  const neighbours = sites.length - byzantine - 2;
  const distances = squaredDistances(rows, layout);
  return sites
    .map((site, row) => {
      const toOthers = distances[row]!.filter((_, other) => other !== row).sort();
      return { site, score: toOthers.subarray(0, neighbours).reduce((sum, distance) => sum + distance, 0) };
    })
    .toSorted((one, other) => one.score - other.score || (one.site < other.site ? -1 : 1))
    .slice(0, kept)
    .map(({ site }) => site);
}

/** Of each site to each other. */
function squaredDistances(
  { sites, read }: Pick<SiteRows, 'sites' | 'read'>,
  layout: WeightLayout,
): readonly Float64Array[] {
  const distances = sites.map(() => new Float64Array(sites.length));
  for (const block of blocksOf(layout)) {
    const rows = read(block);
    for (let row = 0; row < rows.length; row += 1) {
      for (let column = 0; column < row; column += 1) {
        distances[row]![column] = distanceFrom(distances[row]![column]!, rows[row]!, rows[column]!);
        distances[column]![row] = distances[row]![column]!;
      }
    }
  }
  return distances;
}

/** `sum` and the squared distance of two blocks, added one by one: where blocks end does not show. */
function distanceFrom(sum: number, one: Float32Array, other: Float32Array): number {
  for (let index = 0; index < one.length; index += 1) {
    const difference = one[index]! - other[index]!;
    sum += difference * difference;
  }
  return sum;
}
