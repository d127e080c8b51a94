// Where the plane of one image cuts another: the reference lines of radiological viewers.
import type { FrameGeometry } from '../../contract/dicom.ts';
import { normalOf } from './geometry-notes.ts';
import { pixelSize } from './placement.ts';
import type { Point } from './shapes.ts';
import { dot, minus, plus, type Vector } from './vectors.ts';

/** A frame, as far as its place in the patient goes. */
export interface PlacedFrame {
  readonly rows: number;
  readonly columns: number;
  readonly geometry: FrameGeometry;
}

/** Planes less than about 15° apart are the same cut at another place: their line would say nothing. */
const maxCosine = 0.966;

/**
 * Where the rectangle of `other` cuts the plane of `shown`, as two points of `shown` in image coordinates (column, row; 0,0 at
 * the outer corner of the first pixel), which may lie outside of it. Null where they do not cut, lie nearly parallel, or their
 * files do not put them into one frame of reference.
 */
export function referenceLine(other: PlacedFrame, shown: PlacedFrame): readonly [Point, Point] | null {
  const { frameOfReferenceUID } = shown.geometry;
  if (frameOfReferenceUID === null || other.geometry.frameOfReferenceUID !== frameOfReferenceUID) return null;
  const [cutting, cut] = [placed(other), placed(shown)];
  if (!cutting || !cut || Math.abs(dot(cutting.normal, cut.normal)) > maxCosine) return null;
  const corners = [
    cutting.at(0, 0),
    cutting.at(other.columns, 0),
    cutting.at(other.columns, other.rows),
    cutting.at(0, other.rows),
  ];
  const heights = corners.map((corner) => dot(minus(corner, cut.origin), cut.normal));
  const crossings: Vector[] = [];
  for (const [index, from] of corners.entries()) {
    const next = (index + 1) % corners.length;
    const [low = 0, high = 0, to = from] = [heights[index], heights[next], corners[next]];
    // One end of an edge counts as above, so that a line through a corner is met once.
    if (low > 0 === high > 0) continue;
    const share = low / (low - high);
    crossings.push(plus(from, minus(to, from), share));
  }
  const [first, second] = crossings.map((point) => cut.imagePoint(point));
  return first && second ? [first, second] : null;
}

interface Plane {
  readonly origin: Vector;
  readonly normal: Vector;
  /** Image coordinates to the patient's, mm. */
  readonly at: (column: number, row: number) => Vector;
  readonly imagePoint: (point: Vector) => Point;
}

function placed({ geometry }: PlacedFrame): Plane | null {
  const { position: origin, orientation, pixelSpacingMm } = geometry;
  if (!origin || !orientation || !pixelSpacingMm) return null;
  const [rx, ry, rz, cx, cy, cz] = orientation;
  const [along, down]: [Vector, Vector] = [
    [rx, ry, rz],
    [cx, cy, cz],
  ];
  const { width, height } = pixelSize(geometry);
  // The position is that of the first pixel's centre.
  return {
    origin,
    normal: normalOf(orientation),
    at: (column, row) => plus(plus(origin, along, (column - 0.5) * width), down, (row - 0.5) * height),
    imagePoint(point) {
      const from = minus(point, origin);
      return [dot(from, along) / width + 0.5, dot(from, down) / height + 0.5];
    },
  };
}
