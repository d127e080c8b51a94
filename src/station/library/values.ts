// Values of elements: text, numbers, and the one line that the header viewer shows.
import { textDecoder, type DecodeText } from './character-set.ts';
import type { DataSet, Element, Item } from './dataset.ts';
import { tags } from './tags.ts';

const inCharacterSet = new Set(['SH', 'LO', 'ST', 'LT', 'UC', 'UT', 'PN']);
const textual = new Set([...inCharacterSet, 'AE', 'AS', 'CS', 'DA', 'DS', 'DT', 'IS', 'TM', 'UI', 'UR']);

/** Whether values of this representation are text. */
export const isTextual = (vr: string): boolean => textual.has(vr);

const bytesOf = (dataSet: DataSet, element: Element): Uint8Array =>
  dataSet.bytes.subarray(element.offset, element.offset + element.length);

/** An element's bytes, at most `limit`, as Latin-1; without a view of them, which costs as much as the text. */
export function latin1Of({ bytes }: DataSet, { offset, length }: Element, limit = length): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString('latin1', offset, offset + Math.min(length, limit));
}

/** The decoder for an item's text: its own SpecificCharacterSet, else the one around it. */
export function decoderOf(dataSet: DataSet, item: Item, around: DecodeText): DecodeText {
  const element = item.elements.get(tags.SpecificCharacterSet);
  if (element === undefined) return around;
  return textDecoder(withoutNulls(latin1Of(dataSet, element)).split('\\'));
}

const undeclared = textDecoder([]);

/** The decoder of text at the top of a data set. */
export const topDecoder = (dataSet: DataSet): DecodeText => decoderOf(dataSet, dataSet, undeclared);

/** An element's text without padding; several values stay joined by a backslash. At most `limit` bytes are decoded. */
export function textOf(dataSet: DataSet, element: Element | undefined, decode: DecodeText, limit = 65_536): string {
  if (element === undefined || element.items !== null) return '';
  let text: string;
  if (inCharacterSet.has(element.vr)) {
    const bytes = bytesOf(dataSet, element);
    text = decode(bytes.length > limit ? bytes.subarray(0, limit) : bytes, element.vr === 'PN');
  } else text = latin1Of(dataSet, element, limit);
  const unpadded = withoutPadding(text);
  // Empty component groups at a name's end mean nothing (PS3.5 6.2.1).
  if (element.vr === 'PN') return trimmedValues(unpadded).replace(/=+$/, '');
  return element.vr === 'ST' || element.vr === 'LT' || element.vr === 'UT' ? unpadded : trimmedValues(unpadded);
}

function withoutPadding(text: string): string {
  let end = text.length;
  while (end > 0 && (text.charCodeAt(end - 1) === 0x20 || text.charCodeAt(end - 1) === 0)) end -= 1;
  return text.slice(0, end);
}

function trimmedValues(text: string): string {
  if (!text.includes('\\')) return text.trim();
  return text
    .split('\\')
    .map((value) => withoutNulls(value).trim())
    .join('\\');
}

const withoutNulls = (text: string): string => (text.includes('\0') ? text.replaceAll('\0', '') : text);

const binary = new Map<
  string,
  { size: number; read: (view: DataView, at: number, little: boolean) => number | bigint }
>([
  ['US', { size: 2, read: (view, at, little) => view.getUint16(at, little) }],
  ['SS', { size: 2, read: (view, at, little) => view.getInt16(at, little) }],
  ['UL', { size: 4, read: (view, at, little) => view.getUint32(at, little) }],
  ['SL', { size: 4, read: (view, at, little) => view.getInt32(at, little) }],
  ['FL', { size: 4, read: (view, at, little) => view.getFloat32(at, little) }],
  ['FD', { size: 8, read: (view, at, little) => view.getFloat64(at, little) }],
  ['UV', { size: 8, read: (view, at, little) => view.getBigUint64(at, little) }],
  ['SV', { size: 8, read: (view, at, little) => view.getBigInt64(at, little) }],
]);

/** Numbers of a numeric element (binary, or DS/IS text), at most `limit`; unreadable ones are NaN. */
export function numbersOf(dataSet: DataSet, element: Element | undefined, limit = 64): number[] {
  if (element === undefined || element.items !== null) return [];
  const kind = binary.get(element.vr);
  if (kind === undefined) {
    const text = withoutNulls(latin1Of(dataSet, element)).trim();
    if (text === '') return [];
    return text
      .split('\\', limit)
      .map((value) => (value.trim() === '' ? Number.NaN : Number(value.trim().replace(',', '.'))));
  }
  const bytes = bytesOf(dataSet, element);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const numbers: number[] = [];
  for (let at = 0; at + kind.size <= bytes.length && numbers.length < limit; at += kind.size) {
    numbers.push(Number(kind.read(view, at, !element.bigEndian)));
  }
  return numbers;
}

/** Whether `numbersOf` reads this representation as binary. */
export const isBinaryNumber = (vr: string): boolean => binary.has(vr);
