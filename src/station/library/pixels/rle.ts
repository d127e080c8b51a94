// RLE Lossless (PS3.5 Annex G): one PackBits segment per byte of a sample, the most significant byte first. Single-bit samples are
// run lengths of whole bytes, one a pixel (CP-2301); bits packed eight to a byte do not fill the image and are refused.
import type { DecodedSamples } from './decoded-samples.ts';
import { pixelFaults } from './faults.ts';
import type { ImageDescription } from './image-description.ts';

/** @throws Fault 155 where segments do not fit the image or do not fill it. */
export function rleFrame(encoded: Uint8Array, image: ImageDescription): DecodedSamples {
  const { rows, columns, samples, bitsAllocated } = image;
  if (encoded.length < 64) throw pixelFaults.damaged('RLE', 'its header is cut short');
  const header = new DataView(encoded.buffer, encoded.byteOffset, 64);
  const isSingleBit = bitsAllocated === 1;
  const width = isSingleBit ? 1 : bitsAllocated / 8;
  const segments = header.getUint32(0, true);
  if (segments !== samples * width) {
    throw pixelFaults.damaged('RLE', `it has ${segments} segments where the image needs ${samples * width}`);
  }
  const pixels = rows * columns;
  const bytes = new Uint8Array(pixels * samples * width);
  for (let segment = 0; segment < segments; segment += 1) {
    const from = header.getUint32(4 + segment * 4, true);
    const end = segment + 1 < segments ? header.getUint32(8 + segment * 4, true) : encoded.length;
    if (from < 64 || end > encoded.length || end < from)
      throw pixelFaults.damaged('RLE', 'a segment lies outside the frame');
    const sample = Math.floor(segment / width);
    const byte = width - 1 - (segment % width);
    unpack(encoded.subarray(from, end), bytes, sample * width + byte, samples * width, pixels);
  }
  // Some writers put 255 where the bit is set.
  if (isSingleBit) for (const [index, value] of bytes.entries()) bytes[index] = value === 0 ? 0 : 1;
  return {
    rows,
    columns,
    samples,
    bits: isSingleBit ? 8 : bitsAllocated,
    bytes,
    precision: isSingleBit ? 1 : null,
    isSigned: false,
    photometric: image.photometric,
  };
}

/** Writes `count` bytes at `at`, `at + step`, …; bytes beyond the image (padding, some encoders) are dropped. */
function unpack(packed: Uint8Array, out: Uint8Array, at: number, step: number, count: number): void {
  let from = 0;
  let done = 0;
  let to = at;
  while (done < count && from < packed.length) {
    const control = packed[from]!;
    from += 1;
    if (control === 128) continue;
    const run = Math.min(control < 128 ? control + 1 : 257 - control, count - done);
    if (control < 128) {
      if (from + run > packed.length) break;
      for (let index = 0; index < run; index += 1, to += step) out[to] = packed[from + index]!;
      from += control + 1;
    } else {
      if (from >= packed.length) break;
      const value = packed[from]!;
      for (let index = 0; index < run; index += 1, to += step) out[to] = value;
      from += 1;
    }
    done += run;
  }
  if (done < count) throw pixelFaults.damaged('RLE', `a segment holds ${done} of ${count} bytes`);
}
