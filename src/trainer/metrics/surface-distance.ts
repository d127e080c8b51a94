// How far two regions' surfaces lie apart.
import { type Box, squaredDistances } from './distance-transform.ts';
import { percentile } from './intervals.ts';

/**
 * The 95th percentile of the distances from each surface voxel of one region to the nearest of the other, of both
 * directions together (as medpy's hd95). A surface voxel has a face neighbour outside of its region, or none at all.
 * In the unit of `spacing`; null where a region is empty.
 */
export function hausdorff95(one: Uint8Array, other: Uint8Array, box: Box): number | null {
  const cut = boundingBox(one, other, box);
  if (cut === null) return null;
  const surfaces = [cropped(one, box, cut), cropped(other, box, cut)].map((region) => surfaceOf(region, cut.box));
  if (!surfaces.every((surface) => surface.includes(1))) return null;
  const [first, second] = surfaces as [Uint8Array, Uint8Array];
  const distances = [...distancesTo(second, first, cut.box), ...distancesTo(first, second, cut.box)];
  return percentile(
    distances.sort((a, b) => a - b),
    0.95,
  );
}

function* distancesTo(target: Uint8Array, from: Uint8Array, box: Box): Generator<number> {
  const squared = squaredDistances(target, box);
  for (let place = 0; place < from.length; place += 1) if (from[place] === 1) yield Math.sqrt(squared[place]!);
}

interface Cut {
  readonly start: readonly [number, number, number];
  readonly box: Box;
}

/** The smallest box that holds both regions; null for two empty ones. */
function boundingBox(one: Uint8Array, other: Uint8Array, { size, spacing }: Box): Cut | null {
  const [, rows, columns] = size;
  const low = [Infinity, Infinity, Infinity];
  const high = [-1, -1, -1];
  for (let place = 0; place < one.length; place += 1) {
    if (one[place] !== 1 && other[place] !== 1) continue;
    const at = [Math.floor(place / (rows * columns)), Math.floor(place / columns) % rows, place % columns];
    for (let axis = 0; axis < 3; axis += 1) {
      low[axis] = Math.min(low[axis]!, at[axis]!);
      high[axis] = Math.max(high[axis]!, at[axis]!);
    }
  }
  if (high[0]! < 0) return null;
  const side = (axis: number): number => high[axis]! - low[axis]! + 1;
  return { start: [low[0]!, low[1]!, low[2]!], box: { size: [side(0), side(1), side(2)], spacing } };
}

function cropped(values: Uint8Array, { size: [, rows, columns] }: Box, { start, box: { size } }: Cut): Uint8Array {
  const out = new Uint8Array(size[0] * size[1] * size[2]);
  for (let slice = 0; slice < size[0]; slice += 1) {
    for (let row = 0; row < size[1]; row += 1) {
      const from = ((start[0] + slice) * rows + start[1] + row) * columns + start[2];
      out.set(values.subarray(from, from + size[2]), (slice * size[1] + row) * size[2]);
    }
  }
  return out;
}

/** The voxels of a region that touch its outside through a face; across the box's edge is outside. */
function surfaceOf(region: Uint8Array, { size: [slices, rows, columns] }: Box): Uint8Array {
  const surface = new Uint8Array(region.length);
  const plane = rows * columns;
  for (let place = 0; place < region.length; place += 1) {
    if (region[place] !== 1) continue;
    const [slice, row, column] = [Math.floor(place / plane), Math.floor(place / columns) % rows, place % columns];
    const isInside =
      column > 0 &&
      column < columns - 1 &&
      region[place - 1] === 1 &&
      region[place + 1] === 1 &&
      row > 0 &&
      row < rows - 1 &&
      region[place - columns] === 1 &&
      region[place + columns] === 1 &&
      (slices === 1 || (slice > 0 && slice < slices - 1 && region[place - plane] === 1 && region[place + plane] === 1));
    if (!isInside) surface[place] = 1;
  }
  return surface;
}
