// From stored values to what the eye sees: modality LUT, window, photometric interpretation (PS3.3 C.11.1, C.11.2, C.7.6.3).
import type { Frame, Palette } from '../../contract/dicom.ts';

/** Centre and width in modality units (HU for CT). */
export interface VoiWindow {
  readonly center: number;
  readonly width: number;
}

/** Usual windows for CT, in Hounsfield units. */
export const ctPresets: readonly (VoiWindow & { readonly name: string })[] = [
  { name: 'Brain', center: 40, width: 80 },
  { name: 'Lung', center: -600, width: 1_500 },
  { name: 'Soft tissue', center: 50, width: 400 },
  { name: 'Bone', center: 400, width: 1_800 },
  { name: 'Liver', center: 80, width: 150 },
];

export type StoredValues = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array;

/** The frame's samples as numbers; copied when the bytes do not lie on the boundary that the type needs. */
export function storedValues(frame: Frame): StoredValues {
  const { pixels, bits, signed } = frame;
  const size = bits / 8;
  const bytes = pixels.byteOffset % size === 0 ? pixels : pixels.slice();
  const length = Math.floor(bytes.byteLength / size);
  if (bits === 8) {
    return signed
      ? new Int8Array(bytes.buffer, bytes.byteOffset, length)
      : new Uint8Array(bytes.buffer, bytes.byteOffset, length);
  }
  if (bits === 16) {
    return signed
      ? new Int16Array(bytes.buffer, bytes.byteOffset, length)
      : new Uint16Array(bytes.buffer, bytes.byteOffset, length);
  }
  return signed
    ? new Int32Array(bytes.buffer, bytes.byteOffset, length)
    : new Uint32Array(bytes.buffer, bytes.byteOffset, length);
}

/** The file's window, or the range of the values where it has none. */
export function initialWindow(frame: Frame): VoiWindow {
  if (frame.windowCenter !== null && frame.windowWidth !== null && frame.windowWidth >= 1) {
    return { center: frame.windowCenter, width: frame.windowWidth };
  }
  if (isColour(frame)) return { center: 128, width: 256 };
  const values = storedValues(frame);
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return { center: 0, width: 1 };
  const first = low * frame.rescaleSlope + frame.rescaleIntercept;
  const last = high * frame.rescaleSlope + frame.rescaleIntercept;
  return { center: (first + last) / 2, width: Math.max(1, Math.abs(last - first)) };
}

export function isColour(frame: Frame): boolean {
  return frame.samples >= 3 || frame.palette !== undefined;
}

/** The modality value at a pixel; null outside the image or for colour. */
export function modalityValueAt(frame: Frame, column: number, row: number): number | null {
  if (isColour(frame) || column < 0 || row < 0 || column >= frame.columns || row >= frame.rows) return null;
  const value = storedValues(frame)[row * frame.columns + column];
  return value === undefined ? null : value * frame.rescaleSlope + frame.rescaleIntercept;
}

/** Opaque RGBA pixels of the frame under a window, ready for an ImageData of the frame's size. */
export function paintedPixels(frame: Frame, window: VoiWindow, isInverted: boolean): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(frame.columns * frame.rows * 4);
  const painted = new Uint32Array(pixels.buffer);
  const values = storedValues(frame);
  if (frame.palette) paintPalette(painted, values, frame.palette, isInverted);
  else if (isColour(frame)) paintColour(painted, frame, values, window, isInverted);
  else paintGrey(painted, frame, values, window, isInverted !== (frame.photometric === 'MONOCHROME1'));
  return pixels;
}

const opaque = 0xff000000;

/** PS3.3 C.11.2.1.2.1, the linear function, to 0–255. */
function shade(value: number, { center, width }: VoiWindow): number {
  const share = width <= 1 ? (value > center - 0.5 ? 1 : 0) : (value - (center - 0.5)) / (width - 1) + 0.5;
  return share <= 0 ? 0 : share >= 1 ? 255 : Math.round(share * 255);
}

function paintGrey(
  painted: Uint32Array,
  frame: Frame,
  values: StoredValues,
  window: VoiWindow,
  isInverted: boolean,
): void {
  const { rescaleSlope: slope, rescaleIntercept: intercept, bits, signed, samples } = frame;
  const colourOf = (stored: number): number => {
    const grey = shade(stored * slope + intercept, window);
    const shown = isInverted ? 255 - grey : grey;
    return (opaque | (shown << 16) | (shown << 8) | shown) >>> 0;
  };
  if (bits > 16) {
    for (let index = 0; index < painted.length; index += 1) painted[index] = colourOf(values[index * samples] ?? 0);
    return;
  }
  // One table entry per stored value: a frame costs a look-up per pixel, and dragging the window stays smooth.
  const entries = 2 ** bits;
  const offset = signed ? entries / 2 : 0;
  const table = new Uint32Array(entries);
  for (let entry = 0; entry < entries; entry += 1) table[entry] = colourOf(entry - offset);
  for (let index = 0; index < painted.length; index += 1) {
    painted[index] = table[(values[index * samples] ?? 0) + offset] ?? opaque;
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
    const shown = shade(value, window);
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
