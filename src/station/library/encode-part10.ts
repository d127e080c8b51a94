// Writes a DICOM file (PS3.10) in an explicit little-endian transfer syntax from elements: what practice studies and
// wrapped pictures and volumes need. Text is written in UTF-8, so that a data set with more than ASCII says ISO_IR 192.
import { part10Head } from './part10-head.ts';

/** Text as it is, numbers of 16 bits, 32 bits or floating point, bytes, pixels, items of a sequence, or compressed frames. */
export type ElementValue =
  | string
  | { us: number }
  | { ss: number }
  | { ul: readonly number[] }
  | { pixels: Int16Array | Uint16Array }
  | { bytes: Uint8Array }
  | { items: readonly (readonly Element[])[] }
  /** One fragment for each frame (PS3.5 A.4). */
  | { fragments: readonly Uint8Array[] };

export interface Element {
  /** Group and element number as eight hexadecimal digits. */
  readonly tag: string;
  readonly vr: string;
  readonly value: ElementValue;
}

const explicitLittleEndian = '1.2.840.10008.1.2.1';
/** VRs whose length field has 32 bits (PS3.5 7.1.2), of those that are written here. */
const longForms = new Set(['OB', 'OW', 'SQ', 'UT', 'UC', 'UN']);
const undefinedLength = 0xffffffff;

/** The bytes of a Part-10 file; `elements` in any order, without file meta information. */
export function encodePart10(
  elements: readonly Element[],
  sopClassUID: string,
  sopInstanceUID: string,
  { transferSyntaxUID = explicitLittleEndian, versionName = 'IMAGIQ_PRACTICE' } = {},
): Uint8Array {
  const head = part10Head({ sopClassUID, sopInstanceUID, transferSyntaxUID, versionName, sourceAETitle: null });
  return Buffer.concat([head, ...encodeItem(elements)]);
}

function encodeItem(elements: readonly Element[]): Uint8Array[] {
  return [...elements].sort((a, b) => (a.tag < b.tag ? -1 : 1)).flatMap(encodeElement);
}

function encodeElement({ tag, vr, value }: Element): Uint8Array[] {
  if (typeof value !== 'string' && 'fragments' in value) return encodeFragments(tag, vr, value.fragments);
  const parts = valueBytes(value);
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  const pad = bytes % 2 === 0 ? [] : [Uint8Array.of(vr === 'UI' || vr === 'OB' ? 0 : 0x20)];
  return [elementHead(tag, vr, bytes + pad.length), ...parts, ...pad];
}

function valueBytes(value: Exclude<ElementValue, { fragments: unknown }>): Uint8Array[] {
  if (typeof value === 'string') return [Buffer.from(value, 'utf8')];
  if ('bytes' in value) return [value.bytes];
  if ('pixels' in value) {
    const { buffer, byteOffset, byteLength } = value.pixels;
    return [new Uint8Array(buffer, byteOffset, byteLength)];
  }
  if ('items' in value) {
    return value.items.flatMap((item) => {
      const inside = Buffer.concat(encodeItem(item));
      return [itemHead(0xe000, inside.length), inside];
    });
  }
  if ('ul' in value) {
    const numbers = Buffer.alloc(value.ul.length * 4);
    value.ul.forEach((number, index) => numbers.writeUInt32LE(number, index * 4));
    return [numbers];
  }
  const number = Buffer.alloc(2);
  if ('us' in value) number.writeUInt16LE(value.us);
  else number.writeInt16LE(value.ss);
  return [number];
}

/** With an empty offset table: one fragment is one frame. */
function encodeFragments(tag: string, vr: string, fragments: readonly Uint8Array[]): Uint8Array[] {
  const items = fragments.flatMap((fragment) => {
    const odd = fragment.length % 2;
    return [itemHead(0xe000, fragment.length + odd), fragment, new Uint8Array(odd)];
  });
  return [elementHead(tag, vr, undefinedLength), itemHead(0xe000, 0), ...items, itemHead(0xe0dd, 0)];
}

function elementHead(tag: string, vr: string, length: number): Buffer {
  const isLong = longForms.has(vr);
  const out = Buffer.alloc(isLong ? 12 : 8);
  out.writeUInt16LE(Number.parseInt(tag.slice(0, 4), 16), 0);
  out.writeUInt16LE(Number.parseInt(tag.slice(4), 16), 2);
  out.write(vr, 4, 'latin1');
  if (isLong) out.writeUInt32LE(length, 8);
  else out.writeUInt16LE(length, 6);
  return out;
}

function itemHead(element: number, length: number): Buffer {
  const out = Buffer.alloc(8);
  out.writeUInt16LE(0xfffe, 0);
  out.writeUInt16LE(element, 2);
  out.writeUInt32LE(length, 4);
  return out;
}
