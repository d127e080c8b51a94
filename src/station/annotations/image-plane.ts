// A frame as a plane in the patient: from millimetres to pixels and back (PS3.3 C.7.6.2.1.1).
import type { FrameGeometry } from '../../contract/dicom.ts';
import { normalOf } from '../library/pixels/geometry.ts';

export type Point = readonly [number, number, number];

export interface ImagePlane {
  readonly rows: number;
  readonly columns: number;
  /** Centre of the first pixel. */
  readonly position: Point;
  /** Along a row, to the right; along a column, downwards; out of the plane. Unit vectors. */
  readonly right: Point;
  readonly down: Point;
  readonly normal: Point;
  /** Distance between rows, between columns. */
  readonly rowSpacingMm: number;
  readonly columnSpacingMm: number;
  readonly sliceThicknessMm: number | null;
}

/** Null where the frame does not say where it lies. */
export function imagePlane(geometry: FrameGeometry, rows: number, columns: number): ImagePlane | null {
  const { position, orientation, pixelSpacingMm, sliceThicknessMm } = geometry;
  if (position === null || orientation === null || pixelSpacingMm === null) return null;
  const [a, b, c, d, e, f] = orientation;
  return {
    rows,
    columns,
    position,
    right: [a, b, c],
    down: [d, e, f],
    normal: normalOf(orientation),
    rowSpacingMm: pixelSpacingMm[0],
    columnSpacingMm: pixelSpacingMm[1],
    sliceThicknessMm,
  };
}

export const dot = (one: Point, other: Point): number => one[0] * other[0] + one[1] * other[1] + one[2] * other[2];

const from = (start: Point, end: Point): Point => [end[0] - start[0], end[1] - start[1], end[2] - start[2]];

/** Column and row of a point, 0,0 at the centre of the first pixel, and its distance from the plane in mm. */
export function inPlane(plane: ImagePlane, point: Point): { column: number; row: number; distanceMm: number } {
  const offset = from(plane.position, point);
  return {
    column: dot(offset, plane.right) / plane.columnSpacingMm,
    row: dot(offset, plane.down) / plane.rowSpacingMm,
    distanceMm: dot(offset, plane.normal),
  };
}

export function inPatient(plane: ImagePlane, column: number, row: number): Point {
  const across = column * plane.columnSpacingMm;
  const along = row * plane.rowSpacingMm;
  return [0, 1, 2].map(
    (axis) => plane.position[axis]! + across * plane.right[axis]! + along * plane.down[axis]!,
  ) as unknown as Point;
}

/** How far a point may lie from a plane and still be of it: half of the slice, but not so far that it belongs to the next. */
export const toleranceMm = ({ sliceThicknessMm }: ImagePlane): number => Math.min((sliceThicknessMm ?? 1) / 2, 1);

const parallel = 0.9995;

/** Whether `other` is the same plane, whatever its pixel grid. */
export function isSamePlane(plane: ImagePlane, other: ImagePlane): boolean {
  if (!isParallel(plane, other)) return false;
  return Math.abs(inPlane(plane, other.position).distanceMm) <= Math.max(0.01, toleranceMm(plane));
}

export const isParallel = (plane: ImagePlane, other: ImagePlane): boolean =>
  Math.abs(dot(plane.normal, other.normal)) >= parallel;

/** Whether pixels of both lie upon one another: to a hundredth of a pixel at every corner. */
export function isSameGrid(plane: ImagePlane, other: ImagePlane): boolean {
  if (plane.rows !== other.rows || plane.columns !== other.columns) return false;
  const corners = [
    [0, 0],
    [plane.columns - 1, 0],
    [0, plane.rows - 1],
  ] as const;
  return corners.every(([column, row]) => {
    const met = inPlane(plane, inPatient(other, column, row));
    return Math.abs(met.column - column) < 0.01 && Math.abs(met.row - row) < 0.01;
  });
}
