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

/** The decoder for an item's text: its own SpecificCharacterSet, else the one around it. */
export function decoderOf(dataSet: DataSet, item: Item, around: DecodeText): DecodeText {
  const element = item.elements.get(tags.SpecificCharacterSet);
  if (element === undefined) return around;
  return textDecoder(Buffer.from(bytesOf(dataSet, element)).toString('latin1').replace(/\0/g, '').split('\\'));
}

/** The decoder of text at the top of a data set. */
export const topDecoder = (dataSet: DataSet): DecodeText => decoderOf(dataSet, dataSet, textDecoder([]));

/** An element's text without padding; several values stay joined by a backslash. At most `limit` bytes are decoded. */
export function textOf(dataSet: DataSet, element: Element | undefined, decode: DecodeText, limit = 65_536): string {
  if (element === undefined || element.items !== null) return '';
  let bytes = bytesOf(dataSet, element);
  if (bytes.length > limit) bytes = bytes.subarray(0, limit);
  const text = inCharacterSet.has(element.vr)
    ? decode(bytes, element.vr === 'PN')
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  // Empty component groups at a name's end mean nothing (PS3.5 6.2.1).
  if (element.vr === 'PN') return trimmedValues(text.replace(/[\0 ]+$/, '')).replace(/=+$/, '');
  const unpadded = text.replace(/[\0 ]+$/, '');
  return element.vr === 'ST' || element.vr === 'LT' || element.vr === 'UT' ? unpadded : trimmedValues(unpadded);
}

function trimmedValues(text: string): string {
  if (!text.includes('\\')) return text.trim();
  return text
    .split('\\')
    .map((value) => value.replace(/\0/g, '').trim())
    .join('\\');
}

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
    const text = Buffer.from(bytesOf(dataSet, element)).toString('latin1').replace(/\0/g, '').trim();
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
