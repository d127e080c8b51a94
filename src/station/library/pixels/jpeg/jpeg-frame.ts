// A JPEG frame, by whichever process (ISO/IEC 10918-1) its own header names.
import type { DecodedSamples } from '../decoded-samples.ts';
import { pixelFaults } from '../faults.ts';
import type { ImageDescription } from '../image-description.ts';
import { checkSize } from '../codestream-size.ts';
import type { WasmCodecs } from '../wasm-codecs.ts';
import { jpeg8Frame } from './jpeg-8bit.ts';
import { jpegHeader } from './markers.ts';

export function jpegFrame(
  encoded: Uint8Array,
  image: ImageDescription,
  codecs: WasmCodecs,
): DecodedSamples | Promise<DecodedSamples> {
  const header = jpegHeader(encoded);
  checkSize(image, header.rows, header.columns, header.components.length);
  const { process, precision } = header;
  if (process <= 0xc2 && precision === 8) return jpeg8Frame(codecs, encoded, header, image.photometric);
  throw pixelFaults.unsupported(`JPEG process ${process.toString(16)} with ${precision} bits`);
}
