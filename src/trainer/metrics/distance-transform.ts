// Exact Euclidean distances in a box of voxels whose sides have lengths.
// Felzenszwalb and Huttenlocher, Distance Transforms of Sampled Functions, Theory of Computing 2012.

export interface Box {
  /** Voxels along slices, rows and columns; values are in that order, the columns running fastest. */
  readonly size: readonly [number, number, number];
  /** Distance between neighbours along each, in any one unit. */
  readonly spacing: readonly [number, number, number];
}

/** The squared distance of every voxel to the nearest one that is set; infinite where none is. */
export function squaredDistances(isSet: Uint8Array, { size, spacing }: Box): Float64Array {
  const values = Float64Array.from(isSet, (flag) => (flag === 1 ? 0 : Infinity));
  const [slices, rows, columns] = size;
  const longest = Math.max(...size);
  const line = new Float64Array(longest);
  const scratch = { hull: new Int32Array(longest), bounds: new Float64Array(longest + 1) };
  const sweep = (start: number, count: number, stride: number, step: number): void => {
    for (let place = 0; place < count; place += 1) line[place] = values[start + place * stride]!;
    lowerEnvelope(line, count, step, scratch, (place, value) => {
      values[start + place * stride] = value;
    });
  };
  for (let slice = 0; slice < slices; slice += 1) {
    for (let row = 0; row < rows; row += 1) sweep((slice * rows + row) * columns, columns, 1, spacing[2]);
    for (let column = 0; column < columns; column += 1) {
      sweep(slice * rows * columns + column, rows, columns, spacing[1]);
    }
  }
  if (slices > 1) {
    for (let place = 0; place < rows * columns; place += 1) sweep(place, slices, rows * columns, spacing[0]);
  }
  return values;
}

/** For each place the least of `line[other] + (distance)²`: the lowest of the parabolas standing on the line. */
function lowerEnvelope(
  line: Float64Array,
  count: number,
  step: number,
  { hull, bounds }: { hull: Int32Array; bounds: Float64Array },
  write: (place: number, value: number) => void,
): void {
  let last = -1;
  for (let place = 0; place < count; place += 1) {
    const height = line[place]!;
    if (height === Infinity) continue;
    const x = place * step;
    let crossing = -Infinity;
    while (last >= 0) {
      const other = hull[last]! * step;
      crossing = (height + x * x - (line[hull[last]!]! + other * other)) / (2 * (x - other));
      if (crossing > bounds[last]!) break;
      last -= 1;
    }
    last += 1;
    hull[last] = place;
    bounds[last] = last === 0 ? -Infinity : crossing;
  }
  if (last < 0) return;
  let lowest = 0;
  const found = new Float64Array(count);
  for (let place = 0; place < count; place += 1) {
    const x = place * step;
    while (lowest < last && bounds[lowest + 1]! < x) lowest += 1;
    const apart = x - hull[lowest]! * step;
    found[place] = apart * apart + line[hull[lowest]!]!;
  }
  found.forEach((value, place) => write(place, value));
}
