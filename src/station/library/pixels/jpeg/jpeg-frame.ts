// A JPEG frame, by whichever process (ISO/IEC 10918-1) its own header names.
import { checkSize } from '../codestream-size.ts';
import { significantBits, type DecodedSamples } from '../decoded-samples.ts';
import { pixelFaults } from '../faults.ts';
import type { ImageDescription } from '../image-description.ts';
import type { WasmCodecs } from '../wasm-codecs.ts';
import { dctCoefficients } from './dct-coefficients.ts';
import { dctSamples } from './dct-samples.ts';
import { jpeg8Frame } from './jpeg-8bit.ts';
import { losslessSamples } from './jpeg-lossless.ts';
import { jpegHeader, type JpegHeader } from './markers.ts';

/** @throws Fault 152, 153 or 155. */
export function jpegFrame(
  encoded: Uint8Array,
  image: ImageDescription,
  codecs: WasmCodecs,
): DecodedSamples | Promise<DecodedSamples> {
  const header = jpegHeader(encoded);
  checkSize(image, header.rows, header.columns, header.components.length);
  const { process, precision } = header;
  if (process <= 0xc2 && precision === 8) return jpeg8Frame(codecs, encoded, header, image.photometric);
  if (process <= 0xc2 && precision === 12)
    return samplesOf(dctSamples(dctCoefficients(encoded, header), header), header, image);
  if (process === 0xc3 && precision >= 2 && precision <= 16)
    return samplesOf(losslessSamples(encoded, header), header, image);
  throw pixelFaults.unsupported(`JPEG process 0x${process.toString(16)} with ${precision} bits per sample`);
}

function samplesOf(values: Uint16Array<ArrayBuffer>, header: JpegHeader, image: ImageDescription): DecodedSamples {
  const isByte = header.precision <= 8;
  return {
    rows: header.rows,
    columns: header.columns,
    samples: header.components.length,
    bits: isByte ? 8 : 16,
    bytes: isByte ? Uint8Array.from(values) : new Uint8Array(values.buffer),
    precision: significantBits(header.precision, image),
    isSigned: false,
    // No colour transform here: subsampled chrominance is full again, the values are as stored.
    photometric: image.photometric.replace(/_42[02]$/, ''),
  };
}
