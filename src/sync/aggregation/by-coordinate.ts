// Rules that look at each weight by itself: the values that the sites have for it, sorted, become one.

/**
 * `choose` for each weight of a block, from its values in all rows in ascending order. The list is used again for the
 * next weight. Sorting takes the order of arrival out, also of the last bit.
 */
export function byCoordinate(
  rows: readonly Float32Array[],
  into: Float64Array,
  choose: (ascending: Float64Array) => number,
): void {
  const column = new Float64Array(rows.length);
  for (let index = 0; index < into.length; index += 1) {
    for (let row = 0; row < rows.length; row += 1) insert(column, row, rows[row]![index]!);
    into[index] = choose(column);
  }
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
