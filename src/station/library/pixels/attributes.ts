// Single numbers and code strings of the image modules, whatever form a writer gave them.
import type { DataSet, Item } from '../dataset.ts';
import { numbersOf } from '../values.ts';

/** The first value of a numeric element; null where it is absent, empty or no number. */
export function numberOf(dataset: DataSet, item: Item, tag: number): number | null {
  return numbersAt(dataset, item, tag, 1)?.[0] ?? null;
}

/** The first `most` values of a numeric element; null where it is absent, empty or not all numbers. */
export function numbersAt(dataset: DataSet, item: Item, tag: number, most: number): number[] | null {
  const element = item.elements.get(tag);
  if (element === undefined || element.offset + element.length > dataset.bytes.length) return null;
  // Implicit encoding without a dictionary entry and careless writers leave UN: in these modules that is US.
  const values = numbersOf(dataset, element.vr === 'UN' ? { ...element, vr: 'US' } : element, most);
  return values.length > 0 && values.every(Number.isFinite) ? values : null;
}

/** The first value of a code string, '' where absent. */
export function codeOf(dataset: DataSet, item: Item, tag: number): string {
  return codesOf(dataset, item, tag)[0]!;
}

/** All values of a code string, one empty one where it is absent. */
export function codesOf(dataset: DataSet, item: Item, tag: number): string[] {
  return latinText(bytesAt(dataset, item, tag).subarray(0, 1024))
    .split('\\')
    .map((value) => value.trim());
}

/** The bytes of a value as they lie; none where the element is absent or lies outside the data set. */
export function bytesAt(dataset: DataSet, item: Item, tag: number): Uint8Array {
  const element = item.elements.get(tag);
  if (element === undefined) return new Uint8Array(0);
  return dataset.bytes.subarray(element.offset, element.offset + Math.max(0, element.length));
}

const latinText = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1').replace(/\0+$/, '');
