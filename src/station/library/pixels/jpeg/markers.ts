// The marker segments of a JPEG or JPEG-LS stream (ISO/IEC 10918-1 Annex B) up to its frame header.
import { pixelFaults } from '../faults.ts';

export interface JpegComponent {
  readonly id: number;
  readonly horizontal: number;
  readonly vertical: number;
  readonly quantisation: number;
}

export interface JpegHeader {
  /** 0xC0 … 0xCF: which process; 0xF7 JPEG-LS. */
  readonly process: number;
  readonly precision: number;
  readonly rows: number;
  readonly columns: number;
  readonly components: readonly JpegComponent[];
  /** Colour transform of an Adobe APP14 segment: 0 none, 1 YCbCr, 2 YCCK; null without one. */
  readonly adobeTransform: number | null;
  readonly hasJfif: boolean;
}

export interface Segment {
  readonly marker: number;
  /** The segment's content, after its length field. */
  readonly offset: number;
  readonly end: number;
}

/** The segment at or after `at`, filler skipped; null at the end of the bytes. Markers without content have none. */
export function segmentAt(bytes: Uint8Array, at: number): Segment | null {
  let from = at;
  while (from + 1 < bytes.length && !(bytes[from] === 0xff && bytes[from + 1] !== 0xff && bytes[from + 1] !== 0))
    from += 1;
  if (from + 1 >= bytes.length) return null;
  const marker = bytes[from + 1]!;
  const isBare = marker === 0x01 || (marker >= 0xd0 && marker <= 0xd9);
  if (isBare) return { marker, offset: from + 2, end: from + 2 };
  if (from + 4 > bytes.length) return null;
  const length = (bytes[from + 2]! << 8) | bytes[from + 3]!;
  const end = from + 2 + length;
  if (length < 2 || end > bytes.length) return null;
  return { marker, offset: from + 4, end };
}

export const isFrameHeader = (marker: number): boolean =>
  (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) || marker === 0xf7;

/** @throws Fault 155 where the bytes are no JPEG stream or its frame header is unusable. */
export function jpegHeader(bytes: Uint8Array, codec = 'JPEG'): JpegHeader {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) throw pixelFaults.damaged(codec, 'it does not begin as one');
  let adobeTransform: number | null = null;
  let hasJfif = false;
  for (let segment = segmentAt(bytes, 2); segment !== null; segment = segmentAt(bytes, segment.end)) {
    const { marker, offset, end } = segment;
    if (marker === 0xee && end - offset >= 12 && startsWith(bytes, offset, 'Adobe'))
      adobeTransform = bytes[offset + 11]!;
    if (marker === 0xe0 && startsWith(bytes, offset, 'JFIF')) hasJfif = true;
    if (isFrameHeader(marker)) return { ...frameHeader(bytes, segment, codec), adobeTransform, hasJfif };
    if (marker === 0xda || marker === 0xd9) break;
  }
  throw pixelFaults.damaged(codec, 'it has no frame header');
}

function frameHeader(
  bytes: Uint8Array,
  { marker, offset, end }: Segment,
  codec: string,
): Omit<JpegHeader, 'adobeTransform' | 'hasJfif'> {
  const count = bytes[offset + 5] ?? 0;
  if (end - offset < 6 + count * 3 || count < 1 || count > 4)
    throw pixelFaults.damaged(codec, 'its frame header is cut short');
  const components: JpegComponent[] = [];
  for (let index = 0; index < count; index += 1) {
    const at = offset + 6 + index * 3;
    const sampling = bytes[at + 1]!;
    const component = {
      id: bytes[at]!,
      horizontal: sampling >> 4,
      vertical: sampling & 15,
      quantisation: bytes[at + 2]!,
    };
    if (component.horizontal < 1 || component.horizontal > 4 || component.vertical < 1 || component.vertical > 4) {
      throw pixelFaults.damaged(codec, 'its sampling factors are out of range');
    }
    components.push(component);
  }
  return {
    process: marker,
    precision: bytes[offset]!,
    rows: (bytes[offset + 1]! << 8) | bytes[offset + 2]!,
    columns: (bytes[offset + 3]! << 8) | bytes[offset + 4]!,
    components,
  };
}

function startsWith(bytes: Uint8Array, at: number, word: string): boolean {
  for (let index = 0; index < word.length; index += 1) if (bytes[at + index] !== word.charCodeAt(index)) return false;
  return true;
}
