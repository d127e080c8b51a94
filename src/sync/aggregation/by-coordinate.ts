// Rules that look at each weight by itself: the values that the sites have for it, sorted, become one.
import type { SiteUpdate } from './site-updates.ts';
import type { Weights } from './weights.ts';

/**
 * `choose` for each weight of the layout, from its values in all updates in ascending order. The list is used again for the
 * next weight. Sorting takes the order of arrival out, also of the last bit.
 */
export function byCoordinate(
  layout: Weights,
  updates: readonly SiteUpdate[],
  choose: (ascending: Float64Array) => number,
): ReadonlyMap<string, Float64Array> {
  const column = new Float64Array(updates.length);
  const combined = new Map<string, Float64Array>();
  for (const [name, { values }] of layout) {
    const rows = updates.map(({ update }) => update.get(name)!.values);
    const chosen = new Float64Array(values.length);
    for (let index = 0; index < chosen.length; index += 1) {
      for (let row = 0; row < rows.length; row += 1) insert(column, row, rows[row]![index]!);
      chosen[index] = choose(column);
    }
    combined.set(name, chosen);
  }
  return combined;
}

/** Insertion sort: for the few values of a commit several times faster than the general one. −0 and 0 may change places. */
function insert(sorted: Float64Array, length: number, value: number): void {
  let place = length;
  // Adding 0 makes −0 to 0, so that equal values are equal bits.
  const added = value + 0;
  while (place > 0 && sorted[place - 1]! > added) {
    sorted[place] = sorted[place - 1]!;
    place -= 1;
  }
  sorted[place] = added;
}
