// Numbers and code strings of the image modules, read from a data set's elements without trusting their form.
import type { DataSet, Element, Item } from '../dataset.ts';

const binarySizes: Readonly<Record<string, number>> = { US: 2, SS: 2, UL: 4, SL: 4, FL: 4, FD: 8, OW: 2 };

/** The values of a numeric element: binary or decimal text. Null where the element is absent, empty or no number. */
export function numbersOf(dataset: DataSet, item: Item, tag: number, most = 16): number[] | null {
  const element = item.elements.get(tag);
  if (element === undefined || element.length <= 0) return null;
  const view = viewOf(dataset, element);
  if (view === null) return null;
  // Implicit encoding without a dictionary entry and careless writers leave UN: in these modules that is US.
  const vr = element.vr === 'UN' ? 'US' : element.vr;
  const size = binarySizes[vr];
  const values = size === undefined ? textNumbers(dataset, element, most) : [];
  if (size !== undefined) {
    for (let at = 0; at + size <= view.byteLength && values.length < most; at += size) {
      values.push(binaryNumber(view, at, vr, !element.bigEndian));
    }
  }
  return values.length > 0 && values.every(Number.isFinite) ? values : null;
}

/** The first value of a numeric element, null where there is none. */
export function numberOf(dataset: DataSet, item: Item, tag: number): number | null {
  return numbersOf(dataset, item, tag, 1)?.[0] ?? null;
}

/** The first value of a code string, '' where absent. */
export function codeOf(dataset: DataSet, item: Item, tag: number): string {
  const element = item.elements.get(tag);
  if (element === undefined) return '';
  return textOf(dataset, element).split('\\')[0]!.trim();
}

/** The bytes of a value as they lie, null where they lie outside the data set. */
export function bytesOf(dataset: DataSet, element: Element): Uint8Array | null {
  const end = element.offset + element.length;
  if (element.offset < 0 || element.length < 0 || end > dataset.bytes.length) return null;
  return dataset.bytes.subarray(element.offset, end);
}

function viewOf(dataset: DataSet, element: Element): DataView | null {
  const bytes = bytesOf(dataset, element);
  return bytes === null ? null : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function textOf(dataset: DataSet, element: Element): string {
  const bytes = bytesOf(dataset, element);
  if (bytes === null) return '';
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 1024))
    .toString('latin1')
    .replace(/\0+$/, '');
}

function textNumbers(dataset: DataSet, element: Element, most: number): number[] {
  const words = textOf(dataset, element).split('\\', most);
  return words.map((word) => (word.trim() === '' ? Number.NaN : Number(word.trim())));
}

function binaryNumber(view: DataView, at: number, vr: string, little: boolean): number {
  switch (vr) {
    case 'SS':
      return view.getInt16(at, little);
    case 'UL':
      return view.getUint32(at, little);
    case 'SL':
      return view.getInt32(at, little);
    case 'FL':
      return view.getFloat32(at, little);
    case 'FD':
      return view.getFloat64(at, little);
    default:
      return view.getUint16(at, little);
  }
}
