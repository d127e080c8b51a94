// The shapes of measurements in image coordinates: what they look like, where they can be held, how they change.
import type { Measurement } from '../../contract/annotation.ts';

export type MeasurementKind = Measurement['kind'];
export type Point = [number, number];

/** Where a shape can be taken: one of its points, or the whole of it. */
export interface Grip {
  readonly id: string;
  /** Index of the point, or null for the whole shape. */
  readonly point: number | null;
}

/** The shape spanned from one corner (or end) to the other. */
export function spanned(kind: MeasurementKind, from: Point, to: Point): Point[] {
  if (kind === 'probe') return [to];
  if (kind === 'length' || kind === 'angle' || kind === 'arrow') return [from, to];
  if (kind === 'freehand') return [from];
  const [left, right] = [Math.min(from[0], to[0]), Math.max(from[0], to[0])];
  const [top, bottom] = [Math.min(from[1], to[1]), Math.max(from[1], to[1])];
  if (kind === 'rectangle') {
    return [
      [left, top],
      [right, top],
      [right, bottom],
      [left, bottom],
    ];
  }
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  return [
    [left, y],
    [right, y],
    [x, top],
    [x, bottom],
  ];
}

/** The points after one of them was dragged. Rectangles and ellipses stay along the image's rows and columns. */
export function withPoint(kind: MeasurementKind, points: readonly Point[], index: number, to: Point): Point[] {
  if (kind === 'rectangle') return spanned(kind, points[(index + 2) % 4] ?? to, to);
  if (kind === 'ellipse') {
    const xs = points.map(([x]) => x);
    const ys = points.map(([, y]) => y);
    const box = { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
    if (index === 0) box.left = to[0];
    if (index === 1) box.right = to[0];
    if (index === 2) box.top = to[1];
    if (index === 3) box.bottom = to[1];
    return spanned(kind, [box.left, box.top], [box.right, box.bottom]);
  }
  return points.map((point, at) => (at === index ? to : point));
}

export function moved(points: readonly Point[], [dx, dy]: Point): Point[] {
  return points.map(([x, y]) => [x + dx, y + dy]);
}

/** More points than a hand can tell apart: such an outline is moved as a whole. */
const mostHandles = 40;

/** The points that can be held. */
export function handles(kind: MeasurementKind, points: readonly Point[]): readonly Point[] {
  return kind === 'freehand' && points.length > mostHandles ? [] : points;
}

/** The line that is drawn, as points; closed for what has an area. */
export function outline(kind: MeasurementKind, points: readonly Point[]): Point[] {
  const [first] = points;
  if (!first) return [];
  if (kind === 'rectangle' || kind === 'freehand') return [...points, first];
  if (kind !== 'ellipse') return [...points];
  const { center, u, v } = ellipseAxes(points);
  return Array.from({ length: 65 }, (_, step) => {
    const angle = (step / 64) * 2 * Math.PI;
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    return [center[0] + u[0] * cos + v[0] * sin, center[1] + u[1] * cos + v[1] * sin];
  });
}

/** Centre and half axes of an ellipse given by the ends of its axes. */
export function ellipseAxes(points: readonly Point[]): { center: Point; u: Point; v: Point } {
  const [a = [0, 0], b = a, c = a, d = c] = points;
  return {
    center: [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2],
    u: [(b[0] - a[0]) / 2, (b[1] - a[1]) / 2],
    v: [(d[0] - c[0]) / 2, (d[1] - c[1]) / 2],
  };
}

/** The distance of a point from a line of points. */
export function distanceTo(line: readonly Point[], [x, y]: Point): number {
  const [only] = line;
  if (line.length === 1 && only) return Math.hypot(x - only[0], y - only[1]);
  let nearest = Number.POSITIVE_INFINITY;
  for (const [index, from] of line.entries()) {
    const to = line[index + 1];
    if (!to) break;
    const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    const along = Math.max(0, Math.min(1, ((x - from[0]) * dx + (y - from[1]) * dy) / (dx * dx + dy * dy || 1)));
    nearest = Math.min(nearest, Math.hypot(x - from[0] - along * dx, y - from[1] - along * dy));
  }
  return nearest;
}
