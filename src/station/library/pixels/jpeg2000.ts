// JPEG 2000 (ISO/IEC 15444-1) by OpenJPEG and its high-throughput form (15444-15) by OpenJPH.
import { checkSize } from './codestream-size.ts';
import type { DecodedSamples } from './decoded-samples.ts';
import { pixelFaults } from './faults.ts';
import type { ImageDescription } from './image-description.ts';
import type { CodecName, WasmCodecs } from './wasm-codecs.ts';

export const jpeg2000Frame = (
  encoded: Uint8Array,
  image: ImageDescription,
  codecs: WasmCodecs,
): Promise<DecodedSamples> => decode('jpeg2000', encoded, image, codecs);

export const htj2kFrame = (encoded: Uint8Array, image: ImageDescription, codecs: WasmCodecs): Promise<DecodedSamples> =>
  decode('htj2k', encoded, image, codecs);

async function decode(
  codec: CodecName,
  encoded: Uint8Array,
  image: ImageDescription,
  codecs: WasmCodecs,
): Promise<DecodedSamples> {
  const codestream = bareCodestream(encoded);
  const size = codestreamSize(codestream);
  checkSize(image, size.rows, size.columns, size.components);
  if (size.precision > 16) throw pixelFaults.unsupported(`JPEG 2000 with ${size.precision} bits per sample`);
  // Of signed bytes the codecs make every negative one 0. Told that they are unsigned, they hand them out raised by half
  // their range (15444-1 G.1.2).
  const isRaised = size.isSigned && size.precision <= 8;
  const given = isRaised ? calledUnsigned(codestream, size.components) : codestream;
  return codecs.decode(codec, given, (decoder, info) => ({
    rows: info.height,
    columns: info.width,
    samples: info.componentCount,
    bits: size.precision <= 8 ? 8 : 16,
    bytes: isRaised
      ? Uint8Array.from(decoder.getDecodedBuffer(), (value) => value - 2 ** (size.precision - 1))
      : new Uint8Array(decoder.getDecodedBuffer()),
    // The codestream's own sign and depth rule: writers exist whose PixelRepresentation or BitsStored differ from it.
    precision: size.precision,
    isSigned: size.isSigned,
    photometric: size.hasColourTransform || /^YBR_(RCT|ICT)$/.test(image.photometric) ? 'RGB' : image.photometric,
  }));
}

/** DICOM wants the bare codestream; some writers wrap it in JP2 boxes, which are taken off. */
function bareCodestream(encoded: Uint8Array): Uint8Array {
  if (encoded[0] === 0xff && encoded[1] === 0x4f) return encoded;
  const view = new DataView(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  for (let at = 0; at + 16 <= encoded.length;) {
    const length = view.getUint32(at);
    if (view.getUint32(at + 4) === 0x6a703263) return encoded.subarray(at + (length === 1 ? 16 : 8));
    if (length < 8) break;
    at += length;
  }
  throw pixelFaults.damaged('JPEG 2000', 'it does not begin as one');
}

interface CodestreamSize {
  readonly rows: number;
  readonly columns: number;
  readonly components: number;
  readonly precision: number;
  readonly isSigned: boolean;
  readonly hasColourTransform: boolean;
}

/** The SIZ and COD segments (15444-1 A.5.1, A.6.1). @throws Fault 155. */
function codestreamSize(bytes: Uint8Array): CodestreamSize {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 46 || view.getUint16(2) !== 0xff51)
    throw pixelFaults.damaged('JPEG 2000', 'it has no size segment');
  const depth = bytes[42]!;
  return {
    rows: view.getUint32(12) - view.getUint32(20),
    columns: view.getUint32(8) - view.getUint32(16),
    components: view.getUint16(40),
    precision: (depth & 0x7f) + 1,
    isSigned: depth >= 0x80,
    hasColourTransform: colourTransform(view),
  };
}

/** A copy whose size segment has the sign of each component taken away. */
function calledUnsigned(codestream: Uint8Array, components: number): Uint8Array {
  const out = new Uint8Array(codestream);
  for (let component = 0; component < components; component += 1) out[42 + component * 3]! &= 0x7f;
  return out;
}

function colourTransform(view: DataView): boolean {
  for (let at = 4 + view.getUint16(4); at + 9 <= view.byteLength;) {
    const marker = view.getUint16(at);
    if (marker === 0xff52) return view.getUint8(at + 8) !== 0;
    if (marker === 0xff90 || marker < 0xff00) return false;
    at += 2 + view.getUint16(at + 2);
  }
  return false;
}
