// A frame's numbers as data sets want them.
import type { Frame } from '../../../contract/dicom.ts';
import { isColour, rgbOf } from './colour.ts';
import { storedValuesOf } from './frame-values.ts';
import { lookedUp } from './look-up-table.ts';

/**
 * The values of a data set: grey frames in modality units (Hounsfield for CT), one number per pixel; colour frames, palette
 * ones too, as red, green, blue from 0 to 255, three numbers per pixel. MONOCHROME1 is not inverted: see `isInverted`.
 */
export function modalityValues(frame: Frame): Float32Array<ArrayBuffer> {
  if (isColour(frame)) return Float32Array.from(rgbOf(frame));
  const stored = storedValuesOf(frame);
  const units = modalityUnits(frame);
  const values = new Float32Array(stored.length);
  for (let index = 0; index < stored.length; index += 1) values[index] = units(stored[index]!);
  return values;
}

/** From a stored value of a grey frame to modality units: through its table, or by slope and intercept (PS3.3 C.11.1). */
export function modalityUnits(
  frame: Pick<Frame, 'rescaleSlope' | 'rescaleIntercept' | 'modalityTable'>,
): (stored: number) => number {
  const { rescaleSlope, rescaleIntercept, modalityTable } = frame;
  if (modalityTable !== undefined) return (stored) => lookedUp(modalityTable, stored);
  return (stored) => stored * rescaleSlope + rescaleIntercept;
}

/** True where low values are shown bright: a radiograph of another convention must be inverted to be compared. */
export const isInverted = (frame: Frame): boolean => frame.photometric === 'MONOCHROME1';
