// Which copy of a large frame the screen needs, and which part of it.
import type { Frame } from '../../contract/dicom.ts';
import { type Affine, type Size, toImage } from './placement.ts';

/** A copy as a frame of its own, whose pixels are `scale` of the whole frame's wide and high. */
interface FrameCopy {
  readonly frame: Frame;
  readonly scale: number;
}

/** In pixels of a copy. */
interface Region {
  readonly left: number;
  readonly top: number;
  readonly columns: number;
  readonly rows: number;
}

/** What is painted of a frame: `frame` itself, or a part of one of its copies, whose corner lies at (`left`, `top`) of the copy. */
export interface ShownPart {
  readonly frame: Frame;
  readonly left: number;
  readonly top: number;
  readonly scale: number;
}

/** So that a small pan shows another place of what is painted, and does not paint anew. */
const stepPixels = 128;

/** Parts of large frames, of which the last one is kept: the same object as long as nothing else is to be painted. */
export class ShownParts {
  #last: { readonly of: Frame; readonly region: Region; readonly frame: Frame } | null = null;

  /** Null where nothing of the frame lies in the viewport. @param density of the screen: its pixels to a CSS pixel */
  of(frame: Frame, matrix: Affine, viewport: Size, density: number): ShownPart | null {
    if (!frame.reduced) return { frame, left: 0, top: 0, scale: 1 };
    const [a, b, c, d] = matrix;
    const copy = copyFor(frame, Math.max(Math.hypot(a, b), Math.hypot(c, d)) * density);
    const region = shownRegion(copy, matrix, viewport);
    if (region === null) return null;
    const last = this.#last;
    const isSame = last?.of === copy.frame && JSON.stringify(last.region) === JSON.stringify(region);
    const part = isSame ? last.frame : cut(copy.frame, region);
    this.#last = { of: copy.frame, region, frame: part };
    return { frame: part, left: region.left, top: region.top, scale: copy.scale };
  }
}

/**
 * The smallest copy that has a pixel for each of the screen's, or the best one that is here; a frame without copies itself.
 * @param screenPixels of the screen to a pixel of the frame
 */
export function copyFor(frame: Frame, screenPixels: number): FrameCopy {
  const here = copiesOf(frame);
  return here.findLast(({ scale }) => scale * screenPixels <= 1) ?? here[0]!;
}

/** Those that are here, the largest first. */
function copiesOf(frame: Frame): readonly FrameCopy[] {
  if (!frame.reduced) return [{ frame, scale: 1 }];
  const known = knownCopies.get(frame);
  if (known) return known;
  const { reduced, ...itself } = frame;
  const made = [itself, ...reduced.map((copy) => ({ ...itself, ...copy }))]
    .map((copy, power) => ({ frame: copy, scale: 2 ** power }))
    .filter((copy) => copy.frame.pixels.length > 0);
  knownCopies.set(frame, made);
  return made;
}

/** The same objects each time: what was painted of them is kept. */
const knownCopies = new WeakMap<Frame, readonly FrameCopy[]>();

function shownRegion({ frame, scale }: FrameCopy, matrix: Affine, { width, height }: Size): Region | null {
  const corners = [
    [0, 0],
    [width, 0],
    [0, height],
    [width, height],
  ] as const;
  const places = corners.map((corner) => toImage(matrix, corner));
  const span = (values: readonly number[], most: number): [number, number] => [
    Math.max(0, Math.floor(Math.min(...values) / scale / stepPixels) * stepPixels),
    Math.min(most, Math.ceil(Math.max(...values) / scale / stepPixels) * stepPixels),
  ];
  const [left, right] = span(
    places.map(([x]) => x),
    frame.columns,
  );
  const [top, bottom] = span(
    places.map(([, y]) => y),
    frame.rows,
  );
  return right > left && bottom > top ? { left, top, columns: right - left, rows: bottom - top } : null;
}

function cut(frame: Frame, { left, top, columns, rows }: Region): Frame {
  if (columns === frame.columns && rows === frame.rows) return frame;
  const pixelBytes = frame.samples * (frame.bits / 8);
  const pixels = new Uint8Array(rows * columns * pixelBytes);
  for (let row = 0; row < rows; row += 1) {
    const from = ((top + row) * frame.columns + left) * pixelBytes;
    pixels.set(frame.pixels.subarray(from, from + columns * pixelBytes), row * columns * pixelBytes);
  }
  return { ...frame, columns, rows, pixels };
}
