// JPEG-LS, lossless and near-lossless (ISO/IEC 14495-1), by CharLS.
import { checkSize } from './codestream-size.ts';
import { interleaved, significantBits, type DecodedSamples } from './decoded-samples.ts';
import { pixelFaults } from './faults.ts';
import type { ImageDescription } from './image-description.ts';
import { jpegHeader } from './jpeg/markers.ts';
import type { WasmCodecs } from './wasm-codecs.ts';

const byPlane = 0;

export async function jpegLsFrame(
  encoded: Uint8Array,
  image: ImageDescription,
  codecs: WasmCodecs,
): Promise<DecodedSamples> {
  const header = jpegHeader(encoded, 'JPEG-LS');
  checkSize(image, header.rows, header.columns, header.components.length);
  // Without its end marker CharLS refuses the stream too, but only after reading nothing for many seconds.
  if (!endsWhole(encoded)) throw pixelFaults.damaged('JPEG-LS', 'it breaks off');
  return codecs.decode('jpegLs', encoded, (decoder, info) => {
    const bits = info.bitsPerSample <= 8 ? 8 : 16;
    const bytes = new Uint8Array(decoder.getDecodedBuffer());
    const isPlanar = info.componentCount > 1 && decoder.getInterleaveMode?.() === byPlane;
    return {
      rows: info.height,
      columns: info.width,
      samples: info.componentCount,
      bits,
      bytes: isPlanar ? interleaved(bytes, info.componentCount, bits / 8) : bytes,
      precision: significantBits(info.bitsPerSample, image),
      isSigned: false,
      photometric: image.photometric,
    };
  });
}

/** Coded bytes hold no marker, so the end marker is one wherever it is; writers exist that pad behind it with anything. */
const endsWhole = (encoded: Uint8Array): boolean =>
  Buffer.from(encoded.buffer, encoded.byteOffset, encoded.length).lastIndexOf(Buffer.of(0xff, 0xd9)) > 0;
