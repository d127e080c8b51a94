// What a screen paints of a frame that is larger than itself: copies of half the width and height, and of their halves.
import type { Frame } from '../../../contract/dicom.ts';
import { largeFramePixels } from '../../../contract/frame-calls.ts';
import { storedValuesOf, type StoredValues } from './frame-values.ts';

/** Copies are made until one has no more pixels than this. */
const smallestPixels = 512 * 512;

export const isLarge = ({ rows, columns }: Pick<Frame, 'rows' | 'columns'>): boolean =>
  rows * columns > largeFramePixels;

/** A large frame with its range and its reduced copies; any other as it is. */
export function withReducedCopies(frame: Frame): Frame {
  if (!isLarge(frame)) return frame;
  const range = rangeOf(storedValuesOf(frame), frame.padding);
  const reduced: Frame[] = [];
  let last = frame;
  while (last.rows * last.columns > smallestPixels) {
    last = halved(last);
    reduced.push(last);
  }
  return {
    ...frame,
    ...(range === null ? {} : { range }),
    reduced: reduced.map(({ rows, columns, pixels }) => ({ rows, columns, pixels })),
  };
}

/** Each pixel is the mean of four, an edge's of those that there are; of numbers in a palette, which have no mean, one of the four. */
function halved(frame: Frame): Frame {
  const [rows, columns] = [Math.ceil(frame.rows / 2), Math.ceil(frame.columns / 2)];
  const { samples } = frame;
  const from = storedValuesOf(frame);
  const pixels = new Uint8Array(rows * columns * samples * (frame.bits / 8));
  const to = storedValuesOf({ ...frame, pixels });
  const hasMean = frame.photometric !== 'PALETTE COLOR';
  for (let row = 0; row < rows; row += 1) {
    const upper = 2 * row * frame.columns;
    const lower = Math.min(2 * row + 1, frame.rows - 1) * frame.columns;
    for (let column = 0; column < columns; column += 1) {
      const [left, right] = [2 * column, Math.min(2 * column + 1, frame.columns - 1)];
      for (let sample = 0; sample < samples; sample += 1) {
        const corner = from[(upper + left) * samples + sample]!;
        const sum =
          corner +
          from[(upper + right) * samples + sample]! +
          from[(lower + left) * samples + sample]! +
          from[(lower + right) * samples + sample]!;
        to[(row * columns + column) * samples + sample] = hasMean ? Math.round(sum / 4) : corner;
      }
    }
  }
  return { ...frame, rows, columns, pixels };
}

/** Null where there is nothing but padding. */
function rangeOf(values: StoredValues, padding: Frame['padding']): Frame['range'] | null {
  const { first, last } = padding ?? { first: 1, last: 0 };
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index]!;
    if (value >= first && value <= last) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low > high ? null : { low, high };
}
