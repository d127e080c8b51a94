// A PNG picture as pixels that DICOM can hold: grey or RGB, 8 or 16 bits, little-endian.
import { inflateSync } from 'node:zlib';
import { decode, type DecodedPng } from 'fast-png';
import { libraryFaults } from '../faults.ts';

export interface PngPixels {
  readonly rows: number;
  readonly columns: number;
  readonly samples: 1 | 3;
  readonly bits: 8 | 16;
  readonly pixels: Uint8Array;
}

/** As much as one decoded frame may take (pixels/image-description.ts). */
const pixelLimitBytes = 256 * 2 ** 20;
const signatureBytes = 8;
/** Chunks that pixels need (PNG 3rd edition, 11.2 and 11.3.1.1); profiles and texts can be bombs of their own. */
const neededChunks = new Set(['IHDR', 'PLTE', 'IDAT', 'IEND', 'tRNS']);

/**
 * Palettes become RGB, less than 8 bits are spread over 8; an alpha channel or a transparent colour is laid over black.
 * @throws Fault 107 where the picture is damaged or too large.
 */
export function pngPixels(bytes: Uint8Array): PngPixels {
  const png = decoded(neededOf(bytes));
  const { width: columns, height: rows, channels, depth } = png;
  const bits = depth === 16 ? 16 : 8;
  const values = spread(png);
  if (png.palette !== undefined) return { rows, columns, samples: 3, bits: 8, pixels: coloured(values, png.palette) };
  const samples = channels >= 3 ? 3 : 1;
  const flat = overBlack(values, channels, samples, png.transparency, depth);
  return { rows, columns, samples, bits, pixels: new Uint8Array(flat.buffer, flat.byteOffset, flat.byteLength) };
}

function decoded(bytes: Uint8Array): DecodedPng {
  try {
    return decode(bytes, { checkCrc: true });
  } catch {
    throw damaged();
  }
}

/** The picture with the chunks that its pixels need alone, after it was made sure that they expand to its size. */
function neededOf(bytes: Uint8Array): Uint8Array {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const kept: Buffer[] = [file.subarray(0, signatureBytes)];
  const packed: Buffer[] = [];
  let hasEnd = false;
  for (let at = signatureBytes; !hasEnd && at + 12 <= file.length;) {
    const end = at + 12 + file.readUInt32BE(at);
    const kind = file.toString('latin1', at + 4, at + 8);
    if (end > file.length) break;
    if (neededChunks.has(kind)) kept.push(file.subarray(at, end));
    if (kind === 'IDAT') packed.push(file.subarray(at + 8, end - 4));
    hasEnd = kind === 'IEND';
    at = end;
  }
  if (!hasEnd || file.toString('latin1', 12, 16) !== 'IHDR') throw damaged('it ends too early');
  const { least, most } = expandedBytes(file);
  let lines: Uint8Array;
  try {
    lines = inflateSync(Buffer.concat(packed), { maxOutputLength: most });
  } catch {
    throw damaged('its pixels do not fit its size');
  }
  if (lines.length < least) throw damaged('it ends before its last line');
  return Buffer.concat(kept);
}

/** Bytes of the filtered lines: the passes of an interlaced picture have a few more. */
function expandedBytes(file: Buffer): { least: number; most: number } {
  const columns = file.readUInt32BE(16);
  const rows = file.readUInt32BE(20);
  const channels = [1, 0, 3, 1, 2, 0, 4][file[25]!] ?? 0;
  const bits = channels * file[24]!;
  if (rows === 0 || columns === 0 || bits === 0) throw damaged('its header makes no sense');
  if (rows > 65_535 || columns > 65_535 || rows * columns * Math.max(1, bits / 8) > pixelLimitBytes)
    throw libraryFaults.notDicom(`The PNG picture is too large: ${columns} × ${rows} pixels.`);
  const lines = rows * (Math.ceil((columns * bits) / 8) + 1);
  if (file[28] === 0) return { least: lines, most: lines };
  // fast-png reads those as if each sample had a byte.
  if (file[24]! < 8)
    throw libraryFaults.notDicom(
      'The PNG picture is interlaced with less than 8 bits per sample: save it without interlace.',
    );
  return { least: lines - rows, most: lines * 2 + 64 };
}

/** One value for each sample; fast-png leaves those of 1, 2 and 4 bits packed. */
function spread({ data, depth, width, height, palette, channels }: DecodedPng): Uint8Array | Uint16Array {
  if (depth === 8 || depth === 16) return data instanceof Uint8ClampedArray ? new Uint8Array(data) : data;
  const out = new Uint8Array(width * height * channels);
  const most = 2 ** depth - 1;
  const lineBytes = Math.ceil((width * depth) / 8);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const bit = column * depth;
      const byte = data[row * lineBytes + (bit >> 3)] ?? 0;
      const value = (byte >> (8 - depth - (bit & 7))) & most;
      out[row * width + column] = palette === undefined ? Math.round((value * 255) / most) : value;
    }
  }
  return out;
}

function coloured(indices: Uint8Array | Uint16Array, palette: readonly (readonly number[])[]): Uint8Array {
  const out = new Uint8Array(indices.length * 3);
  for (let pixel = 0; pixel < indices.length; pixel += 1) {
    const [red = 0, green = 0, blue = 0, alpha = 255] = palette[indices[pixel]!] ?? [];
    out[pixel * 3] = Math.round((red * alpha) / 255);
    out[pixel * 3 + 1] = Math.round((green * alpha) / 255);
    out[pixel * 3 + 2] = Math.round((blue * alpha) / 255);
  }
  return out;
}

function overBlack(
  values: Uint8Array | Uint16Array,
  channels: number,
  samples: 1 | 3,
  transparency: Uint16Array | undefined,
  depth: number,
): Uint8Array | Uint16Array {
  const hasAlpha = channels > samples;
  if (!hasAlpha && transparency === undefined) return values;
  const most = values instanceof Uint16Array ? 65_535 : 255;
  const pixels = values.length / channels;
  const out = most === 255 ? new Uint8Array(pixels * samples) : new Uint16Array(pixels * samples);
  // A transparent colour is given in the file's own depth (11.3.1.1).
  const scale = depth < 8 ? 255 / (2 ** depth - 1) : 1;
  const isClear = (pixel: number): boolean =>
    transparency !== undefined &&
    transparency.length === samples &&
    transparency.every((value, sample) => values[pixel * channels + sample] === Math.round(value * scale));
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    const alpha = hasAlpha ? values[pixel * channels + samples]! : isClear(pixel) ? 0 : most;
    for (let sample = 0; sample < samples; sample += 1) {
      out[pixel * samples + sample] = Math.round((values[pixel * channels + sample]! * alpha) / most);
    }
  }
  return out;
}

const damaged = (why = 'its pixels cannot be read'): Error =>
  libraryFaults.notDicom(`The PNG picture is damaged: ${why}.`);
