// A frame's numbers: as stored, and in modality units for data sets.
import type { Frame } from '../../../contract/dicom.ts';
import { isColour, rgbOf } from './colour.ts';

export type StoredValues = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array;

/** A view on `frame.pixels` by its bits and sign; a copy where the bytes are not aligned. */
export function storedValuesOf(frame: Frame): StoredValues {
  const { bits, signed } = frame;
  const width = bits / 8;
  const pixels = frame.pixels.byteOffset % width === 0 ? frame.pixels : new Uint8Array(frame.pixels);
  const { buffer, byteOffset } = pixels;
  const count = Math.floor(pixels.length / width);
  if (bits === 8) return signed ? new Int8Array(buffer, byteOffset, count) : new Uint8Array(buffer, byteOffset, count);
  if (bits === 16)
    return signed ? new Int16Array(buffer, byteOffset, count) : new Uint16Array(buffer, byteOffset, count);
  return signed ? new Int32Array(buffer, byteOffset, count) : new Uint32Array(buffer, byteOffset, count);
}

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
