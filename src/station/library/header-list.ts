// A header as a flat list of lines, for the header viewer.
import type { CallOutput } from '../../contract/calls.ts';
import type { DecodeText } from './character-set.ts';
import type { DataSet, Element, Item } from './dataset.ts';
import { dictionaryEntry } from './dictionary.ts';
import { tags } from './tags.ts';
import { decoderOf, isBinaryNumber, isTextual, numbersOf, textOf, topDecoder } from './values.ts';

export type HeaderElement = CallOutput<'header'>['elements'][number];

const valueCharacters = 200;
const linesLimit = 20_000;

/** Every element in file order, items one level deeper; values cut at 200 characters, the list at 20,000 lines. */
export function headerList(dataSet: DataSet): HeaderElement[] {
  const lines: HeaderElement[] = [];
  const decode = topDecoder(dataSet);
  appendItem(dataSet, { elements: dataSet.meta }, 0, decode, lines);
  appendItem(dataSet, dataSet, 0, decode, lines);
  const pixels = dataSet.pixelData;
  if (pixels !== null && !dataSet.elements.has(pixels.tag)) {
    const value = pixels.encapsulated ? 'compressed frames' : `${pixels.length} bytes`;
    lines.push({ ...named(pixels.tag), depth: 0, vr: pixels.vr, value });
  }
  return lines;
}

function appendItem(dataSet: DataSet, item: Item, depth: number, decode: DecodeText, lines: HeaderElement[]): void {
  for (const element of item.elements.values()) {
    if (lines.length >= linesLimit) return;
    lines.push({ ...named(element.tag), depth, vr: element.vr, value: shown(dataSet, element, decode) });
    for (const inner of element.items ?? []) {
      if (lines.length >= linesLimit) return;
      lines.push({ ...named(tags.Item), depth: depth + 1, vr: '', value: '' });
      appendItem(dataSet, inner, depth + 2, decoderOf(dataSet, inner, decode), lines);
    }
  }
}

function named(tag: number): { tag: string; keyword: string } {
  const digits = tag.toString(16).padStart(8, '0').toUpperCase();
  const keyword = tag === tags.Item ? 'Item' : (dictionaryEntry(tag)?.keyword ?? '');
  return { tag: `(${digits.slice(0, 4)},${digits.slice(4)})`, keyword };
}

function shown(dataSet: DataSet, element: Element, decode: DecodeText): string {
  if (element.items !== null) return element.items.length === 1 ? '1 item' : `${element.items.length} items`;
  if (isTextual(element.vr)) return textOf(dataSet, element, decode, 1_000).slice(0, valueCharacters);
  if (isBinaryNumber(element.vr)) return numbersOf(dataSet, element, 64).join('\\').slice(0, valueCharacters);
  return element.length === 0 ? '' : `${element.length} bytes`;
}
