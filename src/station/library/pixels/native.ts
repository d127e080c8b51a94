// Uncompressed pixel data (PS3.5 8.1, D): either byte order, packed bits, subsampled chrominance, colour by plane.
import type { DataSet, PixelData } from '../dataset.ts';
import { transferSyntaxes } from '../transfer-syntax.ts';
import { interleaved, type DecodedSamples } from './decoded-samples.ts';
import { pixelFaults } from './faults.ts';
import type { ImageDescription } from './image-description.ts';

/** @param frame counted from 0. @throws Fault 154 where the pixel data ends before the frame does. */
export function nativeFrame(dataset: DataSet, data: PixelData, image: ImageDescription, frame: number): DecodedSamples {
  const { rows, columns, samples, bitsAllocated } = image;
  const shape = { rows, columns, samples, precision: null, isSigned: false, photometric: image.photometric };
  if (bitsAllocated === 1) {
    return { ...shape, bits: 8, precision: 1, bytes: unpackedBits(frameBits(dataset, data, image, frame)) };
  }
  const says422 = /^YBR_(FULL|PARTIAL)_422$/.test(image.photometric) && samples === 3 && bitsAllocated === 8;
  // Writers exist that leave chrominance whole and say that they did not.
  const isSubsampled = says422 && data.length < rows * columns * samples * image.frames;
  const width = bitsAllocated / 8;
  const size = isSubsampled ? rows * Math.ceil(columns / 2) * 4 : rows * columns * samples * width;
  const bytes = bytesInOrder(dataset, data, frame, frame * size, size, width);
  if (isSubsampled) {
    return { ...shape, bits: 8, bytes: upsampled(bytes, rows, columns), photometric: image.photometric.slice(0, -4) };
  }
  return {
    ...shape,
    bits: bitsAllocated,
    bytes: image.isPlanar ? interleaved(bytes, samples, width) : bytes,
    photometric: says422 ? image.photometric.slice(0, -4) : image.photometric,
  };
}

/** A little-endian copy. Bytes written as words (OW) are swapped in pairs that begin at even places (PS3.5 Annex D). */
function bytesInOrder(
  dataset: DataSet,
  data: PixelData,
  frame: number,
  from: number,
  size: number,
  width: number,
): Uint8Array<ArrayBuffer> {
  const isBigEndian = dataset.bigEndian || dataset.transferSyntaxUID === transferSyntaxes.bigPixels;
  const unit = isBigEndian ? Math.max(width, data.vr === 'OW' ? 2 : 1) : 1;
  const before = from % unit;
  const whole = Math.ceil((before + size) / unit) * unit;
  // By constructor: `slice` of a Buffer would be a view on the file.
  const bytes = new Uint8Array(cut(dataset, data, from - before, whole, frame));
  if (unit === 2) Buffer.from(bytes.buffer).swap16();
  if (unit === 4) Buffer.from(bytes.buffer).swap32();
  return whole === size ? bytes : bytes.slice(before, before + size);
}

function cut(dataset: DataSet, data: PixelData, from: number, size: number, frame: number): Uint8Array {
  const has = Math.max(0, Math.min(data.length, dataset.bytes.length - data.offset) - from);
  if (has < size) throw pixelFaults.shortPixelData(frame + 1, has, size);
  return dataset.bytes.subarray(data.offset + from, data.offset + from + size);
}

interface BitRun {
  readonly bytes: Uint8Array;
  /** Bits of the first byte that belong to the frame before. */
  readonly skip: number;
  readonly count: number;
}

/** Frames of single bits follow one another without padding, so one may begin inside a byte (PS3.5 8.1.1). */
function frameBits(dataset: DataSet, data: PixelData, image: ImageDescription, frame: number): BitRun {
  const count = image.rows * image.columns * image.samples;
  const from = Math.floor((frame * count) / 8);
  const skip = (frame * count) % 8;
  const size = Math.ceil((skip + count) / 8);
  return { bytes: bytesInOrder(dataset, data, frame, from, size, 1), skip, count };
}

function unpackedBits({ bytes, skip, count }: BitRun): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(count);
  for (let index = 0; index < count; index += 1) {
    const bit = skip + index;
    out[index] = (bytes[bit >> 3]! >> (bit & 7)) & 1;
  }
  return out;
}

/** Y1 Y2 Cb Cr (PS3.3 C.7.6.3.1.2) to Y Cb Cr per pixel, chrominance repeated: it is co-sited with the even pixel. */
function upsampled(bytes: Uint8Array, rows: number, columns: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(rows * columns * 3);
  const stride = Math.ceil(columns / 2) * 4;
  let to = 0;
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const from = row * stride + (column >> 1) * 4;
      out[to] = bytes[from + (column & 1)]!;
      out[to + 1] = bytes[from + 2]!;
      out[to + 2] = bytes[from + 3]!;
      to += 3;
    }
  }
  return out;
}
