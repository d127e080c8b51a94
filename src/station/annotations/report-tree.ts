// The content tree of a structured report (PS3.3 C.17.3), tolerant of what is missing and of how deep it is.
import type { DecodeText } from '../library/character-set.ts';
import type { DataSet, Item } from '../library/dataset.ts';
import { codeOf, numberOf, numbersAt } from '../library/pixels/attributes.ts';
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
  /** Of TEXT, at most 200 characters. */
  readonly text: string;
  /** What the item says, in words, whatever its type: TEXT whole, a number with its unit, a name or a date as DICOM writes it. */
  readonly value: string;
  /** Of UIDREF. */
  readonly uid: string;
  /** Of IMAGE and COMPOSITE. */
  readonly references: readonly {
    readonly sopClassUID: string;
    readonly sopInstanceUID: string;
    /** The first one that is named; 1 where none is. */
    readonly frame: number;
  }[];
  readonly children: readonly ContentItem[];
}

const reportTags = {
  CodeValue: 0x00080100,
  CodingSchemeDesignator: 0x00080102,
  CodeMeaning: 0x00080104,
  LongCodeValue: 0x00080119,
  MeasurementUnitsCodeSequence: 0x004008ea,
  ReferencedSOPClassUID: 0x00081150,
  ReferencedSOPInstanceUID: 0x00081155,
  ReferencedFrameNumber: 0x00081160,
  ReferencedSOPSequence: 0x00081199,
  RelationshipType: 0x0040a010,
  ValueType: 0x0040a040,
  ConceptNameCodeSequence: 0x0040a043,
  NumericValueQualifierCodeSequence: 0x0040a301,
  DateTime: 0x0040a120,
  Date: 0x0040a121,
  Time: 0x0040a122,
  PersonName: 0x0040a123,
  UID: 0x0040a124,
  TextValue: 0x0040a160,
  ConceptCodeSequence: 0x0040a168,
  MeasuredValueSequence: 0x0040a300,
  NumericValue: 0x0040a30a,
  ContentSequence: 0x0040a730,
  GraphicData: 0x00700022,
  GraphicType: 0x00700023,
} as const;

const itemsLimit = 200_000;
const depthLimit = 64;
const valueLimit = 16_384;
const pointNumbersLimit = 30_000;

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
      value: valueOf(dataset, item, decode),
      uid: uidAt(dataset, item, reportTags.UID),
      references: itemsAt(item, reportTags.ReferencedSOPSequence).map((reference) => ({
        sopClassUID: uidAt(dataset, reference, reportTags.ReferencedSOPClassUID),
        sopInstanceUID: uidAt(dataset, reference, reportTags.ReferencedSOPInstanceUID),
        frame: Math.max(1, Math.trunc(numberOf(dataset, reference, reportTags.ReferencedFrameNumber) ?? 1)),
      })),
      children,
    };
  };
  return read(dataset, 0, topDecoder(dataset));
}

/** The attributes that hold a value as text, by ValueType (PS3.3 C.18). */
const textualTypes: Readonly<Record<string, number>> = {
  TEXT: reportTags.TextValue,
  PNAME: reportTags.PersonName,
  DATE: reportTags.Date,
  TIME: reportTags.Time,
  DATETIME: reportTags.DateTime,
};

function valueOf(dataset: DataSet, item: Item, decode: DecodeText): string {
  const type = codeOf(dataset, item, reportTags.ValueType);
  const textual = textualTypes[type];
  if (textual !== undefined) return textAt(dataset, item, textual, decode, valueLimit);
  switch (type) {
    case 'CODE': {
      const code = codeIn(dataset, item, reportTags.ConceptCodeSequence, decode);
      return code === null ? '' : code.meaning || code.value;
    }
    case 'NUM':
      return measured(dataset, item, decode);
    case 'UIDREF':
      return uidAt(dataset, item, reportTags.UID);
    case 'SCOORD':
    case 'SCOORD3D': {
      const shape = codeOf(dataset, item, reportTags.GraphicType).toLowerCase();
      const numbers = numbersAt(dataset, item, reportTags.GraphicData, pointNumbersLimit)?.length ?? 0;
      const points = Math.floor(numbers / (type === 'SCOORD' ? 2 : 3));
      return `${shape}, ${points} ${points === 1 ? 'point' : 'points'}`;
    }
    default:
      return '';
  }
}

/** A number with its unit; why there is none, where the report says so. */
function measured(dataset: DataSet, item: Item, decode: DecodeText): string {
  const [value] = itemsAt(item, reportTags.MeasuredValueSequence);
  if (value === undefined)
    return codeIn(dataset, item, reportTags.NumericValueQualifierCodeSequence, decode)?.meaning ?? '';
  const unit = codeIn(dataset, value, reportTags.MeasurementUnitsCodeSequence, decode);
  // UCUM's code is what is written behind a number; "no units" has the code 1, and braces hold a remark.
  const written = unit === null ? '' : unit.scheme === 'UCUM' ? unit.value : unit.meaning || unit.value;
  const number = textAt(dataset, value, reportTags.NumericValue, decode);
  return written === '1' || written === '' || written.startsWith('{') ? number : `${number} ${written}`;
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
