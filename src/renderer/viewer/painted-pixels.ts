// A frame as the eye sees it, without a graphics card: thumbnails, and images where WebGL is missing or was lost.
import type { Frame, Palette } from '../../contract/dicom.ts';
import {
  initialWindow,
  isColour,
  modalityOf,
  shade,
  storedValues,
  type StoredValues,
  tableValue,
} from './window-level.ts';
import type { VoiWindow } from './window-level.ts';

const opaque = 0xff000000;

/** Opaque RGBA pixels of the frame, ready for an ImageData of its size. `window` null: the file's VOI LUT, else its window. */
export function paintedPixels(
  frame: Frame,
  window: VoiWindow | null,
  isInverted: boolean,
): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(frame.columns * frame.rows * 4);
  paintPixels(new Uint32Array(pixels.buffer), new GreyTable(), { frame, window, isInverted });
  return pixels;
}

export interface FrameLook {
  readonly frame: Frame;
  /** Null: the file's VOI LUT, else its window. */
  readonly window: VoiWindow | null;
  readonly isInverted: boolean;
}

/** As `paintedPixels`, into pixels of a caller who paints one frame after the other and keeps the table between them. */
export function paintPixels(painted: Uint32Array, table: GreyTable, { frame, window, isInverted }: FrameLook): void {
  const values = storedValues(frame);
  if (frame.palette) paintPalette(painted, values, frame.palette, isInverted);
  else if (isColour(frame)) paintColour(painted, frame, values, window ?? initialWindow(frame), isInverted);
  else paintGrey(painted, table, { frame, window, isInverted: isInverted !== (frame.photometric === 'MONOCHROME1') });
}

/**
 * The colour of each stored value that occurred, 0 for one that did not (0 is no colour: all are opaque). A frame costs a look-up
 * per pixel, few of the 65,536 values occur in it, and the next slice of the series shows them the same way.
 */
export class GreyTable {
  #madeFor: readonly unknown[] = [];
  #colours = new Uint32Array(0);

  /** By the stored value's bits, unsigned. Empty again where any of `madeFor` changed. */
  coloursFor(bits: number, madeFor: readonly unknown[]): Uint32Array {
    const entries = 2 ** bits;
    const isSame =
      entries === this.#colours.length &&
      madeFor.length === this.#madeFor.length &&
      madeFor.every((part, at) => part === this.#madeFor[at]);
    if (isSame) return this.#colours;
    if (entries === this.#colours.length) this.#colours.fill(0);
    else this.#colours = new Uint32Array(entries);
    this.#madeFor = madeFor;
    return this.#colours;
  }
}

function paintGrey(painted: Uint32Array, table: GreyTable, { frame, window, isInverted }: FrameLook): void {
  const { bits, signed, samples, voiTable } = frame;
  const values = storedValues(frame);
  const modality = modalityOf(frame);
  const chosen = window ?? initialWindow(frame);
  const appliedTable = window === null ? voiTable : undefined;
  const share = appliedTable
    ? (value: number) => tableValue(appliedTable, value) / (2 ** appliedTable.bits - 1)
    : (value: number) => shade(value, chosen);
  const colourOf = (stored: number): number => {
    const grey = Math.round(Math.min(1, share(modality(stored))) * 255);
    const shown = isInverted ? 255 - grey : grey;
    return (opaque | (shown << 16) | (shown << 8) | shown) >>> 0;
  };
  const length = Math.min(painted.length, Math.floor(values.length / samples));
  if (length < painted.length) painted.fill(colourOf(0), length);
  if (bits > 16) {
    for (let index = 0; index < length; index += 1) painted[index] = colourOf(values[index * samples]!);
    return;
  }
  const { rescaleSlope, rescaleIntercept, modalityTable } = frame;
  const { center, width, function: voiFunction } = chosen;
  const scale = [signed, rescaleSlope, rescaleIntercept, modalityTable];
  const colours = table.coloursFor(bits, [...scale, appliedTable, isInverted, center, width, voiFunction]);
  // Signed and unsigned values by their bits: one kind of array through the loop is several times as fast as four.
  const { buffer, byteOffset } = values;
  if (bits === 8)
    paintLookedUp(painted, length, samples, new Uint8Array(buffer, byteOffset, values.length), colours, entry);
  else paintLookedUp(painted, length, samples, new Uint16Array(buffer, byteOffset, values.length), colours, entry);

  function entry(raw: number): number {
    return colourOf(signed ? (raw << (32 - bits)) >> (32 - bits) : raw);
  }
}

function paintLookedUp(
  painted: Uint32Array,
  length: number,
  samples: number,
  raw: Uint8Array | Uint16Array,
  colours: Uint32Array,
  entry: (raw: number) => number,
): void {
  for (let index = 0, at = 0; index < length; index += 1, at += samples) {
    const value = raw[at]!;
    let colour = colours[value]!;
    if (colour === 0) {
      colour = entry(value);
      colours[value] = colour;
    }
    painted[index] = colour;
  }
}

function paintColour(
  painted: Uint32Array,
  frame: Frame,
  values: StoredValues,
  window: VoiWindow,
  isInverted: boolean,
): void {
  const { samples, bits, colourBits = bits } = frame;
  // Colour carries no window in modality units; the drag acts as brightness and contrast on 8-bit samples.
  const scale = bits === 8 ? 1 : 255 / (2 ** colourBits - 1);
  const table = Uint8Array.from({ length: 256 }, (_, value) => {
    const shown = Math.round(shade(value, window) * 255);
    return isInverted ? 255 - shown : shown;
  });
  const sample = (index: number): number => table[Math.round((values[index] ?? 0) * scale)] ?? 0;
  for (let index = 0; index < painted.length; index += 1) {
    const at = index * samples;
    painted[index] = (opaque | (sample(at + 2) << 16) | (sample(at + 1) << 8) | sample(at)) >>> 0;
  }
}

/** PS3.3 C.7.9: values before the palette's first take its first colour, those after its last the last. */
function paintPalette(painted: Uint32Array, values: StoredValues, palette: Palette, isInverted: boolean): void {
  const { firstValue, colors } = palette;
  const last = Math.max(0, Math.floor(colors.length / 3) - 1);
  const mask = isInverted ? 0xffffff : 0;
  for (let index = 0; index < painted.length; index += 1) {
    const at = Math.max(0, Math.min(last, (values[index] ?? 0) - firstValue)) * 3;
    const colour = ((colors[at + 2] ?? 0) << 16) | ((colors[at + 1] ?? 0) << 8) | (colors[at] ?? 0);
    painted[index] = (opaque | (colour ^ mask)) >>> 0;
  }
}
