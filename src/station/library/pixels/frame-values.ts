// A frame's numbers as they are stored.
import type { Frame } from '../../../contract/dicom.ts';

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
