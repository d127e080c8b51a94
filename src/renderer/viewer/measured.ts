// What a shape measures on a frame, in the units that the frame allows.
import type { Measurement } from '../../contract/annotation.ts';
import type { Frame } from '../../contract/dicom.ts';
import { readOutAt, readOutOf, valueText, valueWithUnit } from './pixel-units.ts';
import { pixelSize } from './placement.ts';
import { ellipseAxes, type MeasurementKind, type Point } from './shapes.ts';
import { isColour, storedValues } from './window-level.ts';

export type Values = Record<string, number>;

/** Lines on which an outline's area is summed up: exact but for the lines through its corners. */
const areaLines = 1_024;

/** Whether the shape tells something of the pixels under it. */
export function readsValues(kind: string): boolean {
  return ['probe', 'ellipse', 'rectangle', 'freehand'].includes(kind);
}

/**
 * Values by name with their unit: millimetres where the file tells the spacing of its pixels, else pixels.
 * @param mostPixels over which a shape is measured without the values under it
 */
export function measured(
  kind: MeasurementKind,
  points: readonly Point[],
  frame: Frame,
  mostPixels = Number.POSITIVE_INFINITY,
): Values {
  const [first = [0, 0], second = first, third = second] = points;
  switch (kind) {
    case 'length':
      return length(first, second, frame);
    case 'angle':
      return { angleDegrees: angleDegrees(first, second, third, frame) };
    case 'probe': {
      const value = readOutAt(frame, Math.floor(first[0]), Math.floor(first[1]));
      return value === null ? {} : { value };
    }
    case 'freehand': {
      const spans = spansOf(points);
      let [line, ends, passed]: [number, readonly number[], number] = [Number.NaN, [], 0];
      // Asked from left to right.
      const isInside = (x: number, y: number): boolean => {
        if (y !== line) [line, ends, passed] = [y, spans(y), 0];
        while ((ends[passed] ?? Number.POSITIVE_INFINITY) < x) passed += 1;
        return passed % 2 === 1;
      };
      const [, top, , bottom] = bounds(points);
      const step = (bottom - top) / areaLines;
      const lengths = Array.from({ length: areaLines }, (_, at) => spanned(spans(top + (at + 0.5) * step)));
      return {
        ...area(step * lengths.reduce((sum, one) => sum + one, 0), frame),
        ...statistics(frame, points, isInside, mostPixels),
      };
    }
    case 'arrow':
    case 'key-image':
      return {};
    case 'rectangle': {
      const [left, top, right, bottom] = bounds(points);
      const isInside = (x: number, y: number): boolean => x >= left && x <= right && y >= top && y <= bottom;
      return { ...area((right - left) * (bottom - top), frame), ...statistics(frame, points, isInside, mostPixels) };
    }
    case 'ellipse': {
      const { center, u, v } = ellipseAxes(points);
      const determinant = u[0] * v[1] - u[1] * v[0];
      const isInside = (x: number, y: number): boolean => {
        const [dx, dy] = [x - center[0], y - center[1]];
        const along = (dx * v[1] - dy * v[0]) / determinant;
        const across = (dy * u[0] - dx * u[1]) / determinant;
        return along * along + across * across <= 1;
      };
      return { ...area(Math.PI * Math.abs(determinant), frame), ...statistics(frame, points, isInside, mostPixels) };
    }
  }
}

/** Lines of text beside the shape, and in the list. `unit` is that of the pixels' values. */
export function measuredText(values: Values, unit: string, spacingKind: Measurement['spacingKind']): string[] {
  const inUnit = (value: number): string => valueWithUnit(value, unit);
  const where = spacingKind === 'detector' ? ' at the detector' : '';
  const lines: string[] = [];
  const { lengthMm, lengthPixels, angleDegrees: angle, areaMm2, areaPixels, mean, stdDev, min, max, value } = values;
  if (lengthMm !== undefined) lines.push(`${lengthMm.toFixed(1)} mm${where}`);
  if (lengthPixels !== undefined) lines.push(`${lengthPixels.toFixed(1)} pixels`);
  if (angle !== undefined) lines.push(`${angle.toFixed(1)}°`);
  if (areaMm2 !== undefined) {
    lines.push(areaMm2 >= 1_000 ? `${(areaMm2 / 100).toFixed(1)} cm²${where}` : `${areaMm2.toFixed(1)} mm²${where}`);
  }
  if (areaPixels !== undefined) lines.push(`${areaPixels.toFixed(0)} pixels²`);
  if (mean !== undefined && stdDev !== undefined) lines.push(`Mean ${inUnit(mean)}, SD ${valueText(stdDev, unit)}`);
  if (min !== undefined && max !== undefined) lines.push(`${inUnit(min)} to ${inUnit(max)}`);
  if (value !== undefined) lines.push(inUnit(value));
  return lines;
}

function length(from: Point, to: Point, { geometry }: Frame): Values {
  const [rowMm, columnMm] = geometry.pixelSpacingMm ?? [1, 1];
  const value = Math.hypot((to[0] - from[0]) * columnMm, (to[1] - from[1]) * rowMm);
  return geometry.pixelSpacingMm ? { lengthMm: value } : { lengthPixels: value };
}

function angleDegrees(first: Point, vertex: Point, last: Point, { geometry }: Frame): number {
  const { width, height } = pixelSize(geometry);
  const arm = (to: Point): number => Math.atan2((to[1] - vertex[1]) * height, (to[0] - vertex[0]) * width);
  const degrees = (Math.abs(arm(first) - arm(last)) * 180) / Math.PI;
  return degrees > 180 ? 360 - degrees : degrees;
}

function area(pixels: number, { geometry }: Frame): Values {
  const spacing = geometry.pixelSpacingMm;
  return spacing ? { areaMm2: pixels * spacing[0] * spacing[1] } : { areaPixels: pixels };
}

/** Where a line at a height crosses a closed outline, from left to right: the first two bound a part of the inside, and so on. */
function spansOf(points: readonly Point[]): (y: number) => number[] {
  return (y) => {
    const ends: number[] = [];
    let [x1, y1] = points.at(-1) ?? [0, 0];
    for (const [x2, y2] of points) {
      if (y1 < y !== y2 < y) ends.push(x1 + ((y - y1) / (y2 - y1)) * (x2 - x1));
      [x1, y1] = [x2, y2];
    }
    return ends.sort((a, b) => a - b);
  };
}

function spanned(ends: readonly number[]): number {
  return ends.reduce((sum, end, at) => (at % 2 === 1 ? sum + end - (ends[at - 1] ?? end) : sum), 0);
}

function bounds(points: readonly Point[]): [left: number, top: number, right: number, bottom: number] {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

/** Of the pixels whose centre lies inside; nothing for colour, and where no centre does. The deviation is of the sample. */
function statistics(
  frame: Frame,
  points: readonly Point[],
  isInside: (x: number, y: number) => boolean,
  mostPixels: number,
): Values {
  const [left, top, right, bottom] = bounds(points);
  if (isColour(frame) || (right - left) * (bottom - top) > mostPixels) return {};
  const values = storedValues(frame);
  const readOut = readOutOf(frame);
  let [pixels, mean, squares] = [0, 0, 0];
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let row = Math.max(0, Math.floor(top)); row <= Math.min(frame.rows - 1, Math.ceil(bottom)); row += 1) {
    for (
      let column = Math.max(0, Math.floor(left));
      column <= Math.min(frame.columns - 1, Math.ceil(right));
      column += 1
    ) {
      if (!isInside(column + 0.5, row + 0.5)) continue;
      const value = readOut(values[row * frame.columns + column] ?? 0);
      // Welford: exact for large values with a small spread.
      pixels += 1;
      const change = value - mean;
      mean += change / pixels;
      squares += change * (value - mean);
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  if (pixels === 0) return {};
  return { pixels, mean, stdDev: pixels > 1 ? Math.sqrt(squares / (pixels - 1)) : 0, min, max };
}
