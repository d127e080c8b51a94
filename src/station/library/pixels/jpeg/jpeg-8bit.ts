// 8-bit DCT JPEG (baseline, extended, progressive) by libjpeg-turbo, told which colour the samples are in.
import type { DecodedSamples } from '../decoded-samples.ts';
import type { WasmCodecs } from '../wasm-codecs.ts';
import type { JpegHeader } from './markers.ts';

/**
 * libjpeg guesses the colour space from JFIF and Adobe segments and turns YCbCr into RGB. Where a file has neither, it
 * guesses YCbCr although DICOM's PhotometricInterpretation may say RGB; that word decides here, by an Adobe segment put in.
 */
export async function jpeg8Frame(
  codecs: WasmCodecs,
  encoded: Uint8Array,
  header: JpegHeader,
  photometric: string,
): Promise<DecodedSamples> {
  const isColour = header.components.length === 3;
  const isStated = header.adobeTransform !== null || header.hasJfif;
  const isRgb = isColour && photometric === 'RGB' && !isStated;
  const whole = withEnd(encoded);
  const stream = isRgb ? withoutTransform(whole) : whole;
  return codecs.decode('jpeg', stream, (decoder, info) => ({
    rows: info.height,
    columns: info.width,
    samples: info.componentCount,
    bits: 8,
    bytes: new Uint8Array(decoder.getDecodedBuffer()),
    precision: 8,
    isSigned: false,
    photometric: isColour ? 'RGB' : photometric,
  }));
}

/** Writers exist that leave the end marker out: whether all lines are there is told by the lines. */
function withEnd(encoded: Uint8Array): Uint8Array {
  const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.length);
  return bytes.lastIndexOf(endMarker) > 0 ? encoded : Buffer.concat([bytes, endMarker]);
}

const endMarker = Buffer.of(0xff, 0xd9);

/** The stream with "Adobe, no transform" right after its start marker. */
function withoutTransform(encoded: Uint8Array): Uint8Array {
  const segment = [0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, 0];
  const out = new Uint8Array(encoded.length + segment.length);
  out.set(encoded.subarray(0, 2));
  out.set(segment, 2);
  out.set(encoded.subarray(2), 2 + segment.length);
  return out;
}
