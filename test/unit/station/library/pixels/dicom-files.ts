// Small DICOM files with pixel data of any kind, made in memory: the situations that decoding must deal with.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

export const syntaxes = {
  implicitLittle: '1.2.840.10008.1.2',
  explicitLittle: '1.2.840.10008.1.2.1',
  explicitBig: '1.2.840.10008.1.2.2',
  jpegBaseline: '1.2.840.10008.1.2.4.50',
  jpegLossless: '1.2.840.10008.1.2.4.57',
  jpegLs: '1.2.840.10008.1.2.4.80',
  jpeg2000: '1.2.840.10008.1.2.4.90',
  htj2k: '1.2.840.10008.1.2.4.201',
  jpegXl: '1.2.840.10008.1.2.4.110',
  rle: '1.2.840.10008.1.2.5',
} as const;

export interface ImageFile {
  readonly syntax: string;
  readonly rows: number;
  readonly columns: number;
  readonly samples?: number;
  readonly frames?: number;
  readonly bitsAllocated?: number;
  readonly bitsStored?: number;
  readonly highBit?: number;
  readonly isSigned?: boolean;
  readonly photometric?: string;
  readonly isPlanar?: boolean;
  /** Further elements in the order of their tags: US numbers or text. */
  readonly elements?: readonly (readonly [tag: number, vr: string, value: Uint8Array | string | readonly number[]])[];
  /** Native pixel data, or fragments to be encapsulated. */
  readonly pixels: Uint8Array | readonly Uint8Array[];
  /** Offsets for the basic offset table; none leaves it empty. */
  readonly basicOffsets?: readonly number[];
  readonly pixelVr?: 'OB' | 'OW';
}

export function dicomFile(image: ImageFile): Uint8Array {
  const { rows, columns, samples = 1, bitsAllocated = 16 } = image;
  const bitsStored = image.bitsStored ?? bitsAllocated;
  const big = image.syntax === syntaxes.explicitBig;
  const write = (tag: number, vr: string, value: Uint8Array | string | readonly number[]): Buffer =>
    element(tag, vr, value, big);
  const elements: (readonly [number, string, Uint8Array | string | readonly number[]])[] = [
    [0x00080060, 'CS', 'OT'],
    [0x00280002, 'US', [samples]],
    [0x00280004, 'CS', image.photometric ?? (samples === 3 ? 'RGB' : 'MONOCHROME2')],
    [0x00280006, 'US', [image.isPlanar === true ? 1 : 0]],
    [0x00280008, 'IS', String(image.frames ?? 1)],
    [0x00280010, 'US', [rows]],
    [0x00280011, 'US', [columns]],
    [0x00280100, 'US', [bitsAllocated]],
    [0x00280101, 'US', [bitsStored]],
    [0x00280102, 'US', [image.highBit ?? bitsStored - 1]],
    [0x00280103, 'US', [image.isSigned === true ? 1 : 0]],
    ...(image.elements ?? []),
  ];
  elements.sort(([a], [b]) => a - b);
  const meta = element(0x00020010, 'UI', image.syntax, false);
  return new Uint8Array(
    Buffer.concat([
      Buffer.alloc(128),
      Buffer.from('DICM'),
      element(0x00020000, 'UL', uint32(meta.length), false),
      meta,
      ...elements.map(([tag, vr, value]) => write(tag, vr, value)),
      image.pixels instanceof Uint8Array
        ? write(0x7fe00010, image.pixelVr ?? 'OW', image.pixels)
        : encapsulated(image.pixels, image.basicOffsets ?? []),
    ]),
  );
}

const longVrs = new Set(['OB', 'OW', 'SQ', 'UN', 'UT']);

function element(tag: number, vr: string, value: Uint8Array | string | readonly number[], big: boolean): Buffer {
  const bytes = padded(valueBytes(value, vr, big), vr);
  const isLong = longVrs.has(vr);
  const head = new DataView(new ArrayBuffer(isLong ? 12 : 8));
  head.setUint16(0, tag >>> 16, !big);
  head.setUint16(2, tag & 0xffff, !big);
  head.setUint8(4, vr.charCodeAt(0));
  head.setUint8(5, vr.charCodeAt(1));
  if (isLong) head.setUint32(8, bytes.length, !big);
  else head.setUint16(6, bytes.length, !big);
  return Buffer.concat([new Uint8Array(head.buffer), bytes]);
}

function valueBytes(value: Uint8Array | string | readonly number[], vr: string, big: boolean): Buffer {
  if (typeof value === 'string') return Buffer.from(value, 'latin1');
  if (value instanceof Uint8Array) return Buffer.from(value);
  const bytes = Buffer.alloc(value.length * 2);
  value.forEach((number, index) => {
    if (big) bytes.writeUInt16BE(number & 0xffff, index * 2);
    else bytes.writeUInt16LE(number & 0xffff, index * 2);
  });
  return bytes;
}

const padded = (bytes: Buffer, vr: string): Buffer =>
  bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.from(longVrs.has(vr) || vr === 'UI' ? '\0' : ' ')]);

function uint32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function encapsulated(fragments: readonly Uint8Array[], offsets: readonly number[]): Buffer {
  const item = (bytes: Uint8Array): Buffer => {
    const even = bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(1)]);
    return Buffer.concat([Buffer.from([0xfe, 0xff, 0x00, 0xe0]), uint32(even.length), even]);
  };
  return Buffer.concat([
    Buffer.from([0xe0, 0x7f, 0x10, 0x00, 0x4f, 0x42, 0, 0, 0xff, 0xff, 0xff, 0xff]),
    item(Buffer.concat(offsets.map(uint32))),
    ...fragments.map(item),
    Buffer.from([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]),
  ]);
}

/** A smooth picture with some noise, the same for the same shape; `bits` are the significant ones. */
export function picture(rows: number, columns: number, samples: number, bits: number, isSigned = false): Int32Array {
  const most = 2 ** bits - 1;
  const middle = isSigned ? 2 ** (bits - 1) : 0;
  return Int32Array.from({ length: rows * columns * samples }, (_, index) => {
    const pixel = Math.floor(index / samples);
    const [x, y] = [(pixel % columns) / columns, Math.floor(pixel / columns) / rows];
    const smooth = 0.5 + 0.4 * Math.sin(5 * x + (index % samples)) * Math.cos(4 * y);
    const noise = (((index * 2654435761) >>> 0) % 1000) / 1000;
    return Math.round(Math.max(0, Math.min(1, smooth + 0.02 * (noise - 0.5))) * most) - middle;
  });
}

/** `values` as little-endian samples of `bits` 8, 16 or 32. */
export function littleEndian(values: ArrayLike<number>, bits: number): Uint8Array {
  const bytes = new DataView(new ArrayBuffer((values.length * bits) / 8));
  for (let index = 0; index < values.length; index += 1) {
    if (bits === 8) bytes.setUint8(index, values[index]! & 0xff);
    else if (bits === 16) bytes.setUint16(index * 2, values[index]! & 0xffff, true);
    else bytes.setUint32(index * 4, values[index]! >>> 0, true);
  }
  return new Uint8Array(bytes.buffer);
}

interface Shape {
  readonly rows: number;
  readonly columns: number;
  readonly samples: number;
  readonly bits: number;
  readonly isSigned?: boolean;
  /** JPEG-LS with a scan per colour; the values come plane by plane then. */
  readonly isPlanar?: boolean;
}

interface Encoder {
  getDecodedBuffer(info: object): Uint8Array;
  getEncodedBuffer(): Uint8Array;
  encode(): void;
  delete(): void;
  setInterleaveMode?(mode: number): void;
  setQuality?(...quality: readonly (boolean | number)[]): void;
  setLossless?(isLossless: boolean): void;
}

const encoders = {
  jpeg: ['@cornerstonejs/codec-libjpeg-turbo-8bit', 'wasmjs', 'wasm', 'JPEGEncoder'],
  jpegLs: ['@cornerstonejs/codec-charls', 'wasmjs', 'wasm', 'JpegLSEncoder'],
  jpeg2000: ['@cornerstonejs/codec-openjpeg', 'wasmjs', 'wasm', 'J2KEncoder'],
  htj2k: ['@cornerstonejs/codec-openjph', 'wasmjs', 'wasm', 'HTJ2KEncoder'],
  jpegXl: ['@cornerstonejs/codec-libjxl', 'encodewasmjs', 'encodewasm', 'JpegXLEncoder'],
} as const;

/** Encodes with the encoders that the codec packages bring, without loss but for JPEG. `samples` are interleaved. */
export async function encoded(
  codec: keyof typeof encoders,
  values: ArrayLike<number>,
  shape: Shape,
): Promise<Uint8Array> {
  const require = createRequire(import.meta.url);
  const [name, script, wasm, encoder] = encoders[codec];
  type Load = (options: object) => Promise<Record<string, new () => Encoder>>;
  const factory = require(`${name}/${script}`) as Load | { default: Load };
  const module = await (typeof factory === 'function' ? factory : factory.default)({
    wasmBinary: readFileSync(require.resolve(`${name}/${wasm}`)),
    print: () => {},
    printErr: () => {},
  });
  const instance = new module[encoder]!();
  const { rows, columns, samples, bits, isSigned = false } = shape;
  const info = {
    width: columns,
    height: rows,
    bitsPerSample: bits,
    componentCount: samples,
    isSigned,
    isUsingColorTransform: samples === 3,
  };
  instance.getDecodedBuffer(info).set(littleEndian(values, bits <= 8 ? 8 : 16));
  if (codec === 'jpegLs' && samples === 3) instance.setInterleaveMode?.(shape.isPlanar === true ? 0 : 2);
  if (codec === 'jpeg') instance.setQuality?.(90);
  if (codec === 'htj2k') instance.setQuality?.(true, 0);
  if (codec === 'jpegXl') instance.setLossless?.(true);
  instance.encode();
  const bytes = new Uint8Array(instance.getEncodedBuffer());
  instance.delete();
  return bytes;
}
