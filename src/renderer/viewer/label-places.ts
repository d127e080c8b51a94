// Where the words of shapes stand, so that none lie on others.
import type { Point } from './shapes.ts';

/** Of a shape: its words' lines, and where they would stand. */
export interface Label {
  /** Of the first line, in the middle of its height. */
  readonly at: Point;
  /** They end at the place instead of beginning there. */
  readonly isBefore: boolean;
  readonly lines: readonly string[];
}

export const lineHeightPx = 15;
/** Between the words of one shape and those of another. */
export const gapPx = 4;
/** A little more than the widest common letters. */
const letterWidthPx = 7;

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export function widthOf(lines: readonly string[]): number {
  return Math.max(0, ...lines.map((line) => line.length)) * letterWidthPx;
}

/** Places in the order of the labels: one that would lie on an earlier one stands below it. */
export function labelPlaces(labels: readonly Label[]): Point[] {
  const taken: Box[] = [];
  return labels.map(({ at: [x, y], isBefore, lines }) => {
    const width = widthOf(lines);
    const left = isBefore ? x - width : x;
    const height = lines.length * lineHeightPx;
    let top = y - lineHeightPx / 2;
    const lower = (): Box | undefined =>
      taken.find((box) => left < box.right && box.left < left + width && top < box.bottom && box.top < top + height);
    for (let box = lower(); box !== undefined; box = lower()) top = box.bottom + gapPx;
    if (height > 0) taken.push({ left, top, right: left + width, bottom: top + height });
    return [x, top + lineHeightPx / 2];
  });
}
