// Krum and Multi-Krum (Blanchard et al. 2017, "Machine Learning with Adversaries"): of n updates of which up to f may lie, keep those that
// have their n − f − 2 nearest neighbours closest. Distances are over all weights, statistics included: who lies in these only lies too.
import type { SiteUpdate } from './site-updates.ts';
import type { Weights } from './weights.ts';

/** Fewest updates among which f liars cannot decide. */
export function fewestForKrum(byzantine: number): number {
  return 2 * byzantine + 3;
}

/**
 * The `kept` updates with the lowest scores (all, when there are no more); of equal scores the site first by name.
 * A score is the sum of the squared distances to the n − f − 2 nearest others.
 */
export function krumKept(
  updates: readonly SiteUpdate[],
  { byzantine, kept }: { readonly byzantine: number; readonly kept: number },
): readonly SiteUpdate[] {
  if (updates.length < fewestForKrum(byzantine)) {
    throw new RangeError(`${updates.length} updates are too few for Krum with ${byzantine} liars`);
  }
  const neighbours = updates.length - byzantine - 2;
  const distances = squaredDistances(updates);
  return updates
    .map((update, row) => {
      const toOthers = Float64Array.from(distances[row]!.filter((_, other) => other !== row)).sort();
      return { update, score: toOthers.subarray(0, neighbours).reduce((sum, distance) => sum + distance, 0) };
    })
    .toSorted((one, other) => one.score - other.score || (one.update.site < other.update.site ? -1 : 1))
    .slice(0, kept)
    .map(({ update }) => update);
}

function squaredDistances(updates: readonly SiteUpdate[]): readonly (readonly number[])[] {
  const distances = updates.map(() => updates.map(() => 0));
  for (let row = 0; row < updates.length; row += 1) {
    for (let column = 0; column < row; column += 1) {
      const distance = squaredDistance(updates[row]!.update, updates[column]!.update);
      distances[row]![column] = distance;
      distances[column]![row] = distance;
    }
  }
  return distances;
}

function squaredDistance(one: Weights, other: Weights): number {
  let sum = 0;
  for (const [name, { values }] of one) {
    const others = other.get(name)!.values;
    for (let index = 0; index < values.length; index += 1) {
      const difference = values[index]! - others[index]!;
      sum += difference * difference;
    }
  }
  return sum;
}
