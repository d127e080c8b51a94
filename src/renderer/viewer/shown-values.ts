// The values of a frame as the graphics card takes them: modality units, or colours.
import type { Frame } from '../../contract/dicom.ts';
import { isColour, modalityOf, storedValues, tableValue } from './window-level.ts';

export type ShownValues = Uint8Array | Int16Array | Uint16Array | Float32Array;

/**
 * One value per pixel in modality units (through the VOI LUT when `isThroughTable`), or red, green, blue per pixel, 0 to 255.
 * Integers stay integers where they fit 16 bits; everything else becomes 32-bit floating point, exact to 2^24.
 */
export function shownValues(frame: Frame, isThroughTable: boolean): ShownValues {
  return isColour(frame) ? colours(frame) : greys(frame, isThroughTable);
}

function greys(frame: Frame, isThroughTable: boolean): ShownValues {
  const values = storedValues(frame);
  const { bits, signed, samples, rescaleSlope: slope, rescaleIntercept: intercept, voiTable } = frame;
  const length = frame.rows * frame.columns;
  const isPlain = slope === 1 && intercept === 0 && samples === 1 && !frame.modalityTable && values.length === length;
  if (isPlain && !isThroughTable) {
    if (values instanceof Uint8Array || values instanceof Uint16Array || values instanceof Int16Array) return values;
  }
  const modality = modalityOf(frame);
  const shown =
    isThroughTable && voiTable
      ? (stored: number) => tableValue(voiTable, modality(stored))
      : (stored: number) => modality(stored);
  if (bits > 16) return Float32Array.from({ length }, (_, index) => shown(values[index * samples] ?? 0));
  // Which type fits depends on the kind of pixel and not on this frame's values, so that it stays the same in a series.
  const ends = signed ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1];
  const isWhole =
    isThroughTable || frame.modalityTable !== undefined || (Number.isInteger(slope) && Number.isInteger(intercept));
  const outputs = ends.map(shown);
  const [low, high] = [Math.min(...outputs), Math.max(...outputs)];
  const isModalityWhole = isWhole && !frame.modalityTable && !isThroughTable;
  if (isModalityWhole && modality(actualEnd(frame, values)) <= 32_767 && low >= -32_768) {
    return fill(new Int16Array(length), values, samples, shown);
  }
  if (isWhole && !isModalityWhole) return fill(new Uint16Array(length), values, samples, shown);
  if (isWhole && low >= 0 && high <= 65_535) return fill(new Uint16Array(length), values, samples, shown);
  return fill(new Float32Array(length), values, samples, shown);
}

/** CT in unsigned 16 bits uses 12 of them; the highest value that really occurs decides. */
function actualEnd(frame: Frame, values: ReturnType<typeof storedValues>): number {
  let [low, high] = [0, 0];
  for (const value of values) {
    if (value > high) high = value;
    if (value < low) low = value;
  }
  return frame.rescaleSlope >= 0 ? high : low;
}

function fill<T extends ShownValues>(
  shown: T,
  values: ReturnType<typeof storedValues>,
  samples: number,
  valueOf: (stored: number) => number,
): T {
  for (let index = 0; index < shown.length; index += 1) shown[index] = valueOf(values[index * samples] ?? 0);
  return shown;
}

function colours(frame: Frame): Uint8Array {
  const values = storedValues(frame);
  const { samples, bits, colourBits = bits, palette } = frame;
  const length = frame.rows * frame.columns;
  if (!palette && bits === 8 && samples === 3 && values instanceof Uint8Array) return values;
  const shown = new Uint8Array(length * 3);
  const last = palette ? Math.max(0, Math.floor(palette.colors.length / 3) - 1) : 0;
  const scale = bits === 8 ? 1 : 255 / (2 ** colourBits - 1);
  for (let index = 0; index < length; index += 1) {
    if (palette) {
      const entry = Math.max(0, Math.min(last, (values[index * samples] ?? 0) - palette.firstValue));
      shown.set(palette.colors.subarray(entry * 3, entry * 3 + 3), index * 3);
    } else {
      for (let part = 0; part < 3; part += 1) {
        shown[index * 3 + part] = Math.round((values[index * samples + part] ?? 0) * scale);
      }
    }
  }
  return shown;
}
