// A frame as a screen shows it: 8-bit grey, or red, green, blue, alpha. For thumbnails and for input to colour networks.
import type { Frame } from '../../../contract/dicom.ts';
import { isColour, rgbOf } from './colour.ts';
import { storedValuesOf, type StoredValues } from './frame-values.ts';
import { lookedUp } from './look-up-table.ts';
import { isInverted, modalityUnits } from './modality-values.ts';

/** Linear window in modality units (PS3.3 C.11.2.1.2). */
export interface Window {
  readonly center: number;
  readonly width: number;
}

export interface DisplayedFrame {
  readonly rows: number;
  readonly columns: number;
  /** 1: grey; 4: red, green, blue, alpha. */
  readonly channels: 1 | 4;
  readonly pixels: Uint8Array<ArrayBuffer>;
}

/**
 * @param window null takes the frame's own table or window; without those, 8-bit frames are shown as they are and others from
 * their 1st to their 99th percentile. Colour frames have no window.
 */
export function displayFrame(frame: Frame, window: Window | null = null): DisplayedFrame {
  const { rows, columns } = frame;
  if (isColour(frame)) return { rows, columns, channels: 4, pixels: opaque(rgbOf(frame)) };
  const stored = storedValuesOf(frame);
  const units = modalityUnits(frame);
  const grey = greyOf(frame, window, stored);
  const inverted = isInverted(frame);
  const shade = (value: number): number => {
    const shown = grey(units(value));
    return inverted ? 255 - shown : shown;
  };
  return { rows, columns, channels: 1, pixels: shaded(stored, shade) };
}

/** From modality units to 0…255 (PS3.3 C.11.2.1). */
function greyOf(frame: Frame, asked: Window | null, stored: StoredValues): (units: number) => number {
  const { voiTable, voiFunction } = frame;
  if (asked === null && voiTable !== undefined) {
    const most = 2 ** voiTable.bits - 1;
    return (units) => Math.round((Math.min(most, lookedUp(voiTable, units)) / most) * 255);
  }
  const own = ownWindow(frame);
  const { center, width } = asked ?? own ?? fittingWindow(frame, stored);
  const kind = asked !== null || own !== null ? voiFunction : 'LINEAR';
  if (kind === 'SIGMOID') return (units) => Math.round(255 / (1 + Math.exp((-4 * (units - center)) / width)));
  const [low, range] =
    kind === 'LINEAR_EXACT' ? [center - width / 2, width] : [center - 0.5 - (width - 1) / 2, width - 1];
  return (units) => (units <= low ? 0 : units > low + range ? 255 : Math.round(((units - low) / range) * 255));
}

/** Through a table of all values where there are more pixels than values. */
function shaded(stored: StoredValues, shade: (value: number) => number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(stored.length);
  if (stored.BYTES_PER_ELEMENT > 2 || stored.length < 65536) {
    for (let index = 0; index < stored.length; index += 1) out[index] = shade(stored[index]!);
    return out;
  }
  const table = new Uint8Array(65536);
  const known = new Uint8Array(65536);
  for (let index = 0; index < stored.length; index += 1) {
    const value = stored[index]!;
    const place = value & 0xffff;
    if (known[place] === 0) {
      known[place] = 1;
      table[place] = shade(value);
    }
    out[index] = table[place]!;
  }
  return out;
}

function ownWindow({ windowCenter, windowWidth, voiFunction = 'LINEAR' }: Frame): Window | null {
  if (windowCenter === null || windowWidth === null) return null;
  if (windowWidth < 1 && voiFunction === 'LINEAR') return null;
  return { center: windowCenter, width: windowWidth };
}

function fittingWindow(frame: Frame, stored: StoredValues): Window {
  const step = Math.max(1, Math.floor(stored.length / 8192));
  let sample: number[] = [];
  for (let index = 0; index < stored.length; index += step) sample.push(stored[index]!);
  const { first, last } = frame.padding ?? { first: 1, last: 0 };
  const inside = sample.filter((value) => value < first || value > last);
  if (inside.length > 0) sample = inside;
  sample.sort((a, b) => a - b);
  const at = (part: number): number => sample[Math.round((sample.length - 1) * part)] ?? 0;
  let [low, high] = [at(0.01), at(0.99)];
  // A few bright pixels on a flat ground (masks) are all that there is to see.
  if (low === high) [low, high] = extremes(stored);
  if (frame.bits === 8 && !frame.signed && high > 1) [low, high] = [0, 255];
  const ends = [low, high].map(modalityUnits(frame));
  const width = Math.max(Math.abs(ends[1]! - ends[0]!) + 1, 1);
  return { center: Math.min(ends[0]!, ends[1]!) + 0.5 + (width - 1) / 2, width };
}

function extremes(stored: StoredValues): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < stored.length; index += 1) {
    low = Math.min(low, stored[index]!);
    high = Math.max(high, stored[index]!);
  }
  return stored.length === 0 ? [0, 1] : [low, high];
}

function opaque(rgb: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array((rgb.length / 3) * 4);
  for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) {
    out[to] = rgb[from]!;
    out[to + 1] = rgb[from + 1]!;
    out[to + 2] = rgb[from + 2]!;
    out[to + 3] = 255;
  }
  return out;
}
