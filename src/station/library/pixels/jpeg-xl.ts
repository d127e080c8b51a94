// JPEG XL (ISO/IEC 18181), lossless, recompressed JPEG and lossy, by libjxl.
import { checkSize } from './codestream-size.ts';
import { significantBits, type DecodedSamples } from './decoded-samples.ts';
import { pixelFaults } from './faults.ts';
import type { ImageDescription } from './image-description.ts';
import type { WasmCodecs } from './wasm-codecs.ts';

export async function jpegXlFrame(
  encoded: Uint8Array,
  image: ImageDescription,
  codecs: WasmCodecs,
): Promise<DecodedSamples> {
  const size = codestreamSize(codestreamOf(encoded));
  checkSize(image, size.rows, size.columns, image.samples);
  return codecs.decode('jpegXl', encoded, (decoder, info) => ({
    rows: info.height,
    columns: info.width,
    samples: info.componentCount,
    bits: info.bitsPerSample <= 8 ? 8 : 16,
    bytes: new Uint8Array(decoder.getDecodedBuffer()),
    precision: significantBits(info.bitsPerSample, image),
    isSigned: false,
    // Whatever colour space the codestream uses within, libjxl hands out red, green, blue.
    photometric: info.componentCount === 3 ? 'RGB' : image.photometric,
  }));
}

/** The bare codestream, or the beginning of the one in the boxes of a file (18181-2). @throws Fault 155. */
function codestreamOf(encoded: Uint8Array): Uint8Array {
  if (encoded[0] === 0xff && encoded[1] === 0x0a) return encoded;
  const view = new DataView(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  for (let at = 0; at + 16 <= encoded.length;) {
    const length = view.getUint32(at);
    const kind = view.getUint32(at + 4);
    const content = at + (length === 1 ? 16 : 8);
    if (kind === 0x6a786c63) return encoded.subarray(content);
    // A part of a codestream begins with its number.
    if (kind === 0x6a786c70) return encoded.subarray(content + 4);
    if (length < 8) break;
    at += length;
  }
  throw pixelFaults.damaged('JPEG XL', 'it does not begin as one');
}

/** Width to height by the ratio's number (18181-1 A.3). */
const ratios = [
  [1, 1],
  [12, 10],
  [4, 3],
  [3, 2],
  [16, 9],
  [5, 4],
  [2, 1],
] as const;

/** The size header, read before the codec allocates what it says. */
function codestreamSize(bytes: Uint8Array): { rows: number; columns: number } {
  if (bytes.length < 12 || bytes[0] !== 0xff || bytes[1] !== 0x0a) {
    throw pixelFaults.damaged('JPEG XL', 'it does not begin as one');
  }
  let at = 16;
  const bits = (count: number): number => {
    let value = 0;
    for (let bit = 0; bit < count; bit += 1, at += 1) value += ((bytes[at >> 3]! >> (at & 7)) & 1) * 2 ** bit;
    return value;
  };
  const isSmall = bits(1) === 1;
  const side = (): number => (isSmall ? (bits(5) + 1) * 8 : bits([9, 13, 18, 30][bits(2)]!) + 1);
  const rows = side();
  const ratio = ratios[bits(3) - 1];
  return { rows, columns: ratio === undefined ? side() : Math.floor((rows * ratio[0]) / ratio[1]) };
}
