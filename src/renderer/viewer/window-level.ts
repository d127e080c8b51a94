// From stored values to modality units, and the window that the file asks for (PS3.3 C.11.1, C.11.2).
import type { Frame, LookUpTable } from '../../contract/dicom.ts';

export type VoiFunction = 'LINEAR' | 'LINEAR_EXACT' | 'SIGMOID';

/** Centre and width in modality units (HU for CT). */
export interface VoiWindow {
  readonly center: number;
  readonly width: number;
  /** VOILUTFunction (PS3.3 C.11.2.1.3); LINEAR where absent. */
  readonly function?: VoiFunction;
}

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

export function isColour(frame: Frame): boolean {
  return frame.samples >= 3 || frame.palette !== undefined;
}

/** The output of a look-up table; inputs beyond its ends take the end's. */
export function tableValue({ firstValue, values }: LookUpTable, input: number): number {
  const entry = Math.max(0, Math.min(values.length - 1, Math.round(input) - firstValue));
  return values[entry] ?? 0;
}

/** What turns a stored value of the frame into modality units. */
export function modalityOf(frame: Frame): (stored: number) => number {
  const { modalityTable: table, rescaleSlope: slope, rescaleIntercept: intercept } = frame;
  if (table) return (stored) => tableValue(table, stored);
  return (stored) => stored * slope + intercept;
}

/** Whether every pixel is here, and not only reduced copies of a large frame. */
export function hasValues({ pixels }: Frame): boolean {
  return pixels.length > 0;
}

/** The modality value at a pixel; null outside the image, for colour, and where it is not here yet. */
export function modalityValueAt(frame: Frame, column: number, row: number): number | null {
  if (isColour(frame) || column < 0 || row < 0 || column >= frame.columns || row >= frame.rows) return null;
  const value = storedValues(frame)[row * frame.columns + column];
  return value === undefined ? null : modalityOf(frame)(value);
}

/** Red, green, blue at a pixel of an RGB frame; null outside the image and for other frames. */
export function colourAt(frame: Frame, column: number, row: number): readonly [number, number, number] | null {
  if (!hasValues(frame) || frame.samples < 3 || column < 0 || row < 0 || column >= frame.columns || row >= frame.rows)
    return null;
  const values = storedValues(frame);
  const at = (row * frame.columns + column) * frame.samples;
  return [values[at] ?? 0, values[at + 1] ?? 0, values[at + 2] ?? 0];
}

/** The file's window, or the range of the values where it has none. */
export function initialWindow(frame: Frame): VoiWindow {
  const voiFunction = frame.voiFunction ?? 'LINEAR';
  if (isColour(frame)) return { center: 128, width: 256, function: 'LINEAR' };
  if (frame.windowCenter !== null && frame.windowWidth !== null && frame.windowWidth > 0) {
    return { center: frame.windowCenter, width: frame.windowWidth, function: voiFunction };
  }
  return rangeWindow(frame);
}

/** The window that shows every value of the frame; padding outside of the image only where there is nothing else. */
export function rangeWindow(frame: Frame): VoiWindow {
  const known = rangeWindows.get(frame);
  if (known) return known;
  const range = frame.range ?? valueRange(frame);
  const window: VoiWindow = range === null ? { center: 0, width: 1, function: 'LINEAR' } : windowOver(range, frame);
  rangeWindows.set(frame, window);
  return window;
}

function windowOver({ low, high }: { low: number; high: number }, frame: Frame): VoiWindow {
  const modality = modalityOf(frame);
  const [first, last] = [modality(low), modality(high)];
  // Of one value alone: middle grey, but nothing is black, as in the empty frames of a segmentation.
  if (first === last) return { center: first === 0 ? 0.5 : first, width: 1, function: 'LINEAR_EXACT' };
  return { center: (first + last) / 2, width: Math.abs(last - first), function: 'LINEAR_EXACT' };
}

function valueRange(frame: Frame): { low: number; high: number } | null {
  const values = storedValues(frame);
  return rangeOf(values, frame.padding) ?? rangeOf(values, undefined);
}

/** Least and greatest value outside of the padding; null where there are none. */
function rangeOf(values: StoredValues, padding: Frame['padding']): { low: number; high: number } | null {
  const { first, last } = padding ?? { first: 1, last: 0 };
  const isInside = (value: number): boolean => value < first || value > last;
  const begin = values.findIndex(isInside);
  if (begin < 0) return null;
  // From a value, not from infinities, beside which whole numbers would be compared as floating-point ones.
  let low = values[begin]!;
  let high = low;
  for (let index = begin + 1; index < values.length; index += 1) {
    const value = values[index]!;
    if (value >= first && value <= last) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high };
}

/** Worked out once for each frame: every pixel is looked at. */
const rangeWindows = new WeakMap<Frame, VoiWindow>();

/** The values that a window shows as black and as white. */
export function windowEnds({ center, width, function: voiFunction = 'LINEAR' }: VoiWindow): {
  lower: number;
  upper: number;
} {
  if (voiFunction === 'LINEAR' && width > 1) {
    return { lower: center - 0.5 - (width - 1) / 2, upper: center - 0.5 + (width - 1) / 2 };
  }
  // LINEAR with a width of 1 is a step at centre - 0.5 (PS3.3 C.11.2.1.2.1).
  if (voiFunction === 'LINEAR') return { lower: center - 0.5, upper: center - 0.5 + 1e-6 };
  return { lower: center - width / 2, upper: center + width / 2 };
}

/** The share of white, 0 to 1, that a window gives to a modality value. */
export function shade(value: number, window: VoiWindow): number {
  if (window.function === 'SIGMOID') return 1 / (1 + Math.exp((-4 * (value - window.center)) / window.width));
  const { lower, upper } = windowEnds(window);
  return Math.max(0, Math.min(1, (value - lower) / (upper - lower)));
}
