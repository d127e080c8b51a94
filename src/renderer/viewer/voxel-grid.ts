// How the voxels of a volume lie in the patient, and what a plane through it is called by them.
import { dot, minus, plus, type Vector } from './vectors.ts';

/** The cosine from which a plane lies as the volume's own slices do, about 2.6°. */
const alongCosine = 0.999;

export interface VoxelGrid {
  /** Voxels along columns, rows and slices. */
  readonly dimensions: Vector;
  /** Between the middles of neighbours, mm, in the same order. */
  readonly spacing: Vector;
  /** Unit vectors in the same order. */
  readonly axes: readonly [Vector, Vector, Vector];
  /** The middle of the first voxel, mm. */
  readonly origin: Vector;
}

/** Voxels from the first one, in fractions: columns, rows, slices. */
export function voxelAt({ axes, spacing, origin }: VoxelGrid, point: Vector): [number, number, number] {
  const from = minus(point, origin);
  return [dot(from, axes[0]) / spacing[0], dot(from, axes[1]) / spacing[1], dot(from, axes[2]) / spacing[2]];
}

export function pointOf({ axes, spacing, origin }: VoxelGrid, [column, row, slice]: Vector): [number, number, number] {
  const inRow = plus(origin, axes[0], column * spacing[0]);
  return plus(plus(inRow, axes[1], row * spacing[1]), axes[2], slice * spacing[2]);
}

/** The nearest point that is no further out than the middle of an outer voxel. */
export function within(grid: VoxelGrid, point: Vector): [number, number, number] {
  const [column, row, slice] = voxelAt(grid, point);
  const [columns, rows, slices] = grid.dimensions;
  return pointOf(grid, [clamp(column, columns), clamp(row, rows), clamp(slice, slices)]);
}

/** The middle of the voxel that is nearest to the middle of the volume. */
export function middleOf(grid: VoxelGrid): [number, number, number] {
  const [columns, rows, slices] = grid.dimensions;
  return pointOf(grid, [Math.floor((columns - 1) / 2), Math.floor((rows - 1) / 2), Math.floor((slices - 1) / 2)]);
}

/** The middle of the slice that is nearest to `point`. */
export function middleOfSlice(grid: VoxelGrid, point: Vector): [number, number, number] {
  const [column, row] = voxelAt(grid, middleOf(grid));
  return pointOf(grid, [column, row, clamp(Math.round(voxelAt(grid, point)[2]), grid.dimensions[2])]);
}

/** Which of these places lies nearest to the slice through `point`; null where none is known. */
export function nearestToSlice(grid: VoxelGrid, point: Vector, places: readonly (Vector | null)[]): number | null {
  const slice = voxelAt(grid, point)[2];
  const away = (place: Vector | null): number =>
    place === null ? Infinity : Math.abs(voxelAt(grid, place)[2] - slice);
  const nearest = places.reduce((best, place, index) => (away(place) < away(places[best] ?? null) ? index : best), 0);
  return away(places[nearest] ?? null) === Infinity ? null : nearest;
}

/** How far it is from one slice to the next along a plane's normal: the spacing of the axis that is nearest to it, mm. */
export function stepMm(grid: VoxelGrid, normal: Vector): number {
  return grid.spacing[nearestAxis(grid, normal).axis];
}

/** Which of the volume's own planes goes through a point, from 1, and of how many; null where the plane lies askew to them. */
export function planeNumber(grid: VoxelGrid, normal: Vector, point: Vector): { number: number; of: number } | null {
  const { axis, cosine } = nearestAxis(grid, normal);
  if (cosine < alongCosine) return null;
  return { number: Math.round(voxelAt(grid, point)[axis]) + 1, of: grid.dimensions[axis] };
}

function nearestAxis({ axes }: VoxelGrid, normal: Vector): { axis: 0 | 1 | 2; cosine: number } {
  const cosines = axes.map((along) => Math.abs(dot(along, normal)));
  const [x = 0, y = 0, z = 0] = cosines;
  const axis = z >= x && z >= y ? 2 : y >= x ? 1 : 0;
  return { axis, cosine: cosines[axis] ?? 0 };
}

function clamp(place: number, length: number): number {
  return Math.max(0, Math.min(length - 1, place));
}
