// The content tree of a structured report (PS3.3 C.17.3), tolerant of what is missing and of how deep it is.
import type { DecodeText } from '../library/character-set.ts';
import type { DataSet, Item } from '../library/dataset.ts';
import { codeOf } from '../library/pixels/attributes.ts';
import { decoderOf, topDecoder } from '../library/values.ts';
import { itemsAt, textAt, uidAt } from './items.ts';

export interface Code {
  readonly value: string;
  readonly scheme: string;
  readonly meaning: string;
}

export interface ContentItem {
  /** RelationshipType: CONTAINS, HAS CONCEPT MOD, …; '' at the root. */
  readonly relationship: string;
  /** ValueType: CONTAINER, CODE, NUM, TEXT, IMAGE, …; '' where it refers to another item. */
  readonly type: string;
  readonly concept: Code | null;
  /** Of CODE. */
  readonly code: Code | null;
  /** Of TEXT. */
  readonly text: string;
  /** Of UIDREF. */
  readonly uid: string;
  /** Of IMAGE and COMPOSITE. */
  readonly references: readonly { readonly sopClassUID: string; readonly sopInstanceUID: string }[];
  readonly children: readonly ContentItem[];
}

const reportTags = {
  CodeValue: 0x00080100,
  CodingSchemeDesignator: 0x00080102,
  CodeMeaning: 0x00080104,
  LongCodeValue: 0x00080119,
  ReferencedSOPClassUID: 0x00081150,
  ReferencedSOPInstanceUID: 0x00081155,
  ReferencedSOPSequence: 0x00081199,
  RelationshipType: 0x0040a010,
  ValueType: 0x0040a040,
  ConceptNameCodeSequence: 0x0040a043,
  UID: 0x0040a124,
  TextValue: 0x0040a160,
  ConceptCodeSequence: 0x0040a168,
  ContentSequence: 0x0040a730,
} as const;

const itemsLimit = 200_000;
const depthLimit = 64;

/** The root; what lies beyond 200,000 items or 64 levels is left out. */
export function reportTree(dataset: DataSet): ContentItem {
  let left = itemsLimit;
  const read = (item: Item, depth: number, around: DecodeText): ContentItem => {
    left -= 1;
    const decode = item === dataset ? around : decoderOf(dataset, item, around);
    const children: ContentItem[] = [];
    if (depth < depthLimit) {
      for (const child of itemsAt(item, reportTags.ContentSequence)) {
        if (left <= 0) break;
        children.push(read(child, depth + 1, decode));
      }
    }
    return {
      relationship: codeOf(dataset, item, reportTags.RelationshipType),
      type: codeOf(dataset, item, reportTags.ValueType),
      concept: codeIn(dataset, item, reportTags.ConceptNameCodeSequence, decode),
      code: codeIn(dataset, item, reportTags.ConceptCodeSequence, decode),
      text: textAt(dataset, item, reportTags.TextValue, decode),
      uid: uidAt(dataset, item, reportTags.UID),
      references: itemsAt(item, reportTags.ReferencedSOPSequence).map((reference) => ({
        sopClassUID: uidAt(dataset, reference, reportTags.ReferencedSOPClassUID),
        sopInstanceUID: uidAt(dataset, reference, reportTags.ReferencedSOPInstanceUID),
      })),
      children,
    };
  };
  return read(dataset, 0, topDecoder(dataset));
}

function codeIn(dataset: DataSet, item: Item, tag: number, around: DecodeText): Code | null {
  const [code] = itemsAt(item, tag);
  if (code === undefined) return null;
  const decode = decoderOf(dataset, code, around);
  return {
    value:
      textAt(dataset, code, reportTags.CodeValue, decode) || textAt(dataset, code, reportTags.LongCodeValue, decode),
    scheme: textAt(dataset, code, reportTags.CodingSchemeDesignator, decode),
    meaning: textAt(dataset, code, reportTags.CodeMeaning, decode),
  };
}

/** The item and everything below it, in order. */
export function* everyItem(item: ContentItem): Generator<ContentItem> {
  yield item;
  for (const child of item.children) yield* everyItem(child);
}
