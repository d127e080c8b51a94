// From a codec's samples to stored values: bits beyond BitsStored cleared (overlays of old), the sign extended.
import type { DecodedSamples } from './decoded-samples.ts';
import type { ImageDescription } from './image-description.ts';

/** Changes `decoded.bytes` in place where it must and returns them with whether they are signed. */
export function storedValues(
  decoded: DecodedSamples,
  image: ImageDescription,
): { bytes: Uint8Array<ArrayBuffer>; isSigned: boolean; precision: number } {
  const { bytes, bits } = decoded;
  const precision = decoded.precision ?? image.bitsStored;
  if (decoded.isSigned) return { bytes, isSigned: true, precision };
  const shift = decoded.precision === null && image.bitsAllocated > 1 ? image.highBit + 1 - image.bitsStored : 0;
  const isSigned = image.isSigned && decoded.samples === 1;
  if (precision < bits || shift > 0) {
    const values = viewOf(bytes, bits);
    const left = 32 - precision - shift;
    const right = 32 - precision;
    for (let index = 0; index < values.length; index += 1) {
      const high = values[index]! << left;
      values[index] = isSigned ? high >> right : high >>> right;
    }
  }
  return { bytes, isSigned, precision };
}

function viewOf(bytes: Uint8Array, bits: 8 | 16 | 32): Uint8Array | Uint16Array | Uint32Array {
  if (bits === 8) return bytes;
  const count = bytes.length / (bits / 8);
  return bits === 16
    ? new Uint16Array(bytes.buffer, bytes.byteOffset, count)
    : new Uint32Array(bytes.buffer, bytes.byteOffset, count);
}
