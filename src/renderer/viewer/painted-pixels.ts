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
  const painted = new Uint32Array(pixels.buffer);
  const values = storedValues(frame);
  if (frame.palette) paintPalette(painted, values, frame.palette, isInverted);
  else if (isColour(frame)) paintColour(painted, frame, values, window ?? initialWindow(frame), isInverted);
  else paintGrey(painted, frame, values, window, isInverted !== (frame.photometric === 'MONOCHROME1'));
  return pixels;
}

function paintGrey(
  painted: Uint32Array,
  frame: Frame,
  values: StoredValues,
  window: VoiWindow | null,
  isInverted: boolean,
): void {
  const { bits, signed, samples, voiTable } = frame;
  const modality = modalityOf(frame);
  const chosen = window ?? initialWindow(frame);
  const share =
    window === null && voiTable
      ? (value: number) => tableValue(voiTable, value) / (2 ** voiTable.bits - 1)
      : (value: number) => shade(value, chosen);
  const colourOf = (stored: number): number => {
    const grey = Math.round(Math.min(1, share(modality(stored))) * 255);
    const shown = isInverted ? 255 - grey : grey;
    return (opaque | (shown << 16) | (shown << 8) | shown) >>> 0;
  };
  if (bits > 16) {
    for (let index = 0; index < painted.length; index += 1) painted[index] = colourOf(values[index * samples] ?? 0);
    return;
  }
  // A table entry for each stored value that occurs, worked out when it first does (0 is no colour: all are opaque): a frame costs
  // a look-up per pixel, and few of the 65,536 values occur in it.
  const entries = 2 ** bits;
  const offset = signed ? entries / 2 : 0;
  const table = new Uint32Array(entries);
  for (let index = 0; index < painted.length; index += 1) {
    const stored = values[index * samples] ?? 0;
    const known = table[stored + offset] ?? 0;
    painted[index] = known === 0 ? (table[stored + offset] = colourOf(stored)) : known;
  }
}

function paintColour(
  painted: Uint32Array,
  frame: Frame,
  values: StoredValues,
  window: VoiWindow,
  isInverted: boolean,
): void {
  const { samples, bits } = frame;
  // Colour carries no window in modality units; the drag acts as brightness and contrast on 8-bit samples.
  const scale = bits === 8 ? 1 : 255 / (2 ** bits - 1);
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
