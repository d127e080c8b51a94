// A frame's numbers as data sets want them.
import type { Frame } from '../../../contract/dicom.ts';
import { isColour, rgbOf } from './colour.ts';
import { storedValuesOf } from './frame-values.ts';

/**
 * The values of a data set: grey frames in modality units (Hounsfield for CT), one number per pixel; colour frames, palette
 * ones too, as red, green, blue from 0 to 255, three numbers per pixel. MONOCHROME1 is not inverted: see `isInverted`.
 */
export function modalityValues(frame: Frame): Float32Array<ArrayBuffer> {
  if (isColour(frame)) return Float32Array.from(rgbOf(frame));
  const stored = storedValuesOf(frame);
  const values = new Float32Array(stored.length);
  const { rescaleSlope, rescaleIntercept } = frame;
  for (let index = 0; index < stored.length; index += 1)
    values[index] = stored[index]! * rescaleSlope + rescaleIntercept;
  return values;
}

/** True where low values are shown bright: a radiograph of another convention must be inverted to be compared. */
export const isInverted = (frame: Frame): boolean => frame.photometric === 'MONOCHROME1';
