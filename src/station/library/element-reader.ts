// Walks elements, sequences and items (PS3.5 chapter 7). Every step moves forward by at least 8 bytes, nesting and the
// number of kept elements are bounded, so hostile bytes cost time in proportion to their size and nothing more.
import type { Element, Item, PixelData } from './dataset.ts';
import { dictionaryEntry } from './dictionary.ts';
import { readFragments } from './pixel-fragments.ts';
import { tags } from './tags.ts';
import type { Encoding } from './transfer-syntax.ts';
import { isVr, vrAt } from './value-representation.ts';

const depthLimit = 64;
const keptElementsLimit = 1_000_000;
const undefinedLength = 0xffffffff;

interface Header {
  readonly tag: number;
  readonly vr: string;
  /** Where the value begins. */
  readonly offset: number;
  readonly length: number;
}

export interface ReaderOptions {
  readonly stopAtPixelData: boolean;
  readonly keepItems: boolean;
}

const isPixelDataTag = (tag: number): boolean =>
  tag === tags.PixelData || tag === tags.FloatPixelData || tag === tags.DoubleFloatPixelData;

export class ElementReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #options: ReaderOptions;
  #kept = 0;
  #stopped = false;
  damaged: string | null = null;
  endedEarly = false;
  /** Zeros to the end of the bytes, where an element should begin. */
  zerosBehind = 0;
  pixelData: PixelData | null = null;

  constructor(bytes: Uint8Array, options: ReaderOptions) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#options = options;
  }

  /** Reads file meta information (group 0002) at `from`; returns where the data set begins. */
  readMeta(from: number, elements: Map<number, Element>): number {
    let at = from;
    while (at + 8 <= this.bytes.length && this.#view.getUint16(at, true) === 0x0002) {
      const header = this.#header(at, { implicit: !isVr(this.bytes, at + 4), bigEndian: false });
      if (header === null || header.offset + header.length > this.bytes.length) {
        this.#endEarly('the file ends inside its meta header');
        return this.bytes.length;
      }
      this.#keep(elements, { ...header, items: null, bigEndian: false });
      at = header.offset + header.length;
    }
    return at;
  }

  /** Reads the data set from `from` to the end of the bytes (or to its pixel data). */
  readTop(from: number, encoding: Encoding, elements: Map<number, Element>): void {
    this.#readElements(from, this.bytes.length, encoding, 0, false, elements);
  }

  /** Returns where reading goes on. An item of undefined length ends at its delimiter, which is consumed. */
  #readElements(
    from: number,
    end: number,
    encoding: Encoding,
    depth: number,
    delimited: boolean,
    elements: Map<number, Element>,
  ): number {
    let at = from;
    while (at < end && !this.#stopped) {
      if (at + 8 > end) {
        if (end === this.bytes.length) this.#endEarly('the file ends inside an element');
        else this.damaged ??= 'an item ends inside an element';
        return end;
      }
      const tag = this.#tag(at, encoding);
      if (tag === tags.ItemDelimitationItem && delimited) return at + 8;
      // A missing item delimiter: leave the sequence's for the sequence.
      if (tag === tags.SequenceDelimitationItem && delimited) return at;
      if (tag >>> 16 === 0xfffe) {
        at += 8;
        continue;
      }
      if (tag === 0 && depth === 0 && this.#isZeroFrom(at)) {
        this.zerosBehind = end - at;
        return end;
      }
      const header = this.#header(at, encoding);
      if (header === null) {
        this.#endEarly('the file ends inside an element');
        return end;
      }
      at = this.#readValue(header, end, encoding, depth, elements);
    }
    if (delimited && !this.#stopped && end === this.bytes.length) this.#endEarly('the file ends inside an item');
    return at;
  }

  /** Reads one element's value; returns where the next element begins. */
  #readValue(header: Header, end: number, encoding: Encoding, depth: number, elements: Map<number, Element>): number {
    const { tag, offset, length } = header;
    if (depth === 0 && isPixelDataTag(tag)) return this.#readPixelData(header, end, encoding, elements);
    const standard = header.vr === 'UN' ? (dictionaryEntry(tag)?.vr ?? 'UN') : header.vr;
    // PS3.5 6.2.2: a value of unknown representation is encoded in implicit little endian, whatever surrounds it.
    const inner = header.vr === 'UN' && !encoding.implicit ? { implicit: true, bigEndian: false } : encoding;
    if (length === undefinedLength) {
      if (/^O[BWDFLV]$/.test(header.vr)) return this.#skipFragments(header, end, elements);
      const items: Item[] = [];
      const next = this.#readSequence(offset, end, true, inner, depth + 1, header.vr === 'UN', items);
      this.#keep(elements, { tag, vr: 'SQ', offset, length: next - offset, items, bigEndian: inner.bigEndian });
      return next;
    }
    const next = offset + length;
    if (next > end) {
      const isCut = end === this.bytes.length;
      if (isCut) this.#endEarly('the file ends inside a value');
      else this.damaged ??= 'a value is longer than the item that holds it';
      if (standard !== 'SQ' || !isCut) return end;
    }
    const reach = Math.min(next, end);
    let items: Item[] | null = null;
    if (standard === 'SQ') {
      items = [];
      const stoppedBefore = this.#stopped;
      this.#stopped = false;
      if (this.#options.keepItems)
        this.#readSequence(offset, reach, false, inner, depth + 1, header.vr === 'UN', items);
      // Damage inside a sequence of known length is contained by it.
      this.#stopped = stoppedBefore;
    }
    this.#keep(elements, { tag, vr: standard, offset, length: reach - offset, items, bigEndian: inner.bigEndian });
    return reach;
  }

  #readSequence(
    from: number,
    end: number,
    delimited: boolean,
    encoding: Encoding,
    depth: number,
    sniff: boolean,
    items: Item[],
  ): number {
    if (depth > depthLimit) {
      if (delimited) this.#stop(`sequences are nested deeper than ${depthLimit}`);
      return end;
    }
    let at = from;
    while (at < end && !this.#stopped) {
      if (at + 8 > end) {
        if (end === this.bytes.length) this.#endEarly('the file ends inside a sequence');
        else this.damaged ??= 'a sequence ends inside an item';
        return end;
      }
      const tag = this.#tag(at, encoding);
      const length = this.#view.getUint32(at + 4, !encoding.bigEndian);
      if (tag === tags.SequenceDelimitationItem) return at + 8;
      if (tag !== tags.Item) {
        // An undefined-length sequence without its delimiter: what follows belongs to the level above.
        this.damaged ??= 'a sequence holds something that is no item';
        return delimited ? at : end;
      }
      const elements = new Map<number, Element>();
      const start = at + 8;
      const seen = sniff && start + 8 <= end && isVr(this.bytes, start + 4);
      const inner = seen ? { ...encoding, implicit: false } : encoding;
      if (length === undefinedLength) at = this.#readElements(start, end, inner, depth, true, elements);
      else {
        if (start + length > end) {
          if (end === this.bytes.length) this.#endEarly('the file ends inside an item');
          else this.damaged ??= 'an item is longer than the sequence that holds it';
        }
        const reach = Math.min(start + length, end);
        if (this.#options.keepItems) this.#readElements(start, reach, inner, depth, false, elements);
        at = reach;
      }
      if (this.#options.keepItems) items.push({ elements });
    }
    if (delimited && !this.#stopped && end === this.bytes.length) this.#endEarly('the file ends inside a sequence');
    return at;
  }

  #readPixelData(header: Header, end: number, encoding: Encoding, elements: Map<number, Element>): number {
    const { tag, vr, offset } = header;
    const encapsulated = header.length === undefinedLength;
    const isCut = !encapsulated && offset + header.length > end;
    const length = encapsulated ? 0 : Math.min(header.length, end - offset);
    const base = {
      tag,
      vr,
      offset,
      encapsulated,
      extendedOffsets: this.#uint64s(elements.get(tags.ExtendedOffsetTable)),
      extendedLengths: this.#uint64s(elements.get(tags.ExtendedOffsetTableLengths)),
    };
    if (this.#options.stopAtPixelData) {
      this.#stopped = true;
      const declared = encapsulated ? 0 : header.length;
      this.pixelData = { ...base, length: declared, fragments: [], basicOffsets: [], damaged: false };
      return end;
    }
    if (!encapsulated) {
      this.pixelData = { ...base, length, fragments: [], basicOffsets: [], damaged: isCut };
      if (isCut) this.#endEarly('the file ends inside its pixel data');
      this.#keep(elements, { tag, vr, offset, length, items: null, bigEndian: encoding.bigEndian });
      return offset + length;
    }
    const read = readFragments(this.bytes, offset, end);
    this.pixelData = { ...base, ...read, length: read.next - offset };
    if (read.damaged) this.#endEarly('the pixel data has no end or is broken');
    this.#keep(elements, { tag, vr, offset, length: read.next - offset, items: null, bigEndian: false });
    return read.next;
  }

  #skipFragments(header: Header, end: number, elements: Map<number, Element>): number {
    const { tag, vr, offset } = header;
    const read = readFragments(this.bytes, offset, end);
    if (read.damaged) this.#endEarly('a value in fragments has no end');
    this.#keep(elements, { tag, vr, offset, length: read.next - offset, items: null, bigEndian: false });
    return read.next;
  }

  #header(at: number, encoding: Encoding): Header | null {
    const tag = this.#tag(at, encoding);
    const little = !encoding.bigEndian;
    if (!encoding.implicit) {
      const known = vrAt(this.bytes, at + 4);
      if (known !== null && !known.long) {
        return { tag, vr: known.vr, offset: at + 8, length: this.#view.getUint16(at + 6, little) };
      }
      // An unknown representation has the long form (PS3.5 6.2), unless its two spare bytes are in use: then somebody
      // misspelt a short one, or wrote this element in implicit encoding.
      const letters = isLetters(this.bytes, at + 4);
      const spare = this.#view.getUint16(at + 6, little);
      if (known !== null || (letters && spare === 0)) {
        if (at + 12 > this.bytes.length) return null;
        const vr = known?.vr ?? dictionaryEntry(tag)?.vr ?? 'UN';
        return { tag, vr, offset: at + 12, length: this.#view.getUint32(at + 8, little) };
      }
      // Blanks or zeros stand for a short one where another explicit element follows right behind it.
      const next = at + 8 + spare;
      const isShort =
        letters || (next + 8 <= this.bytes.length && isVr(this.bytes, next + 4) && this.#tag(next, encoding) > tag);
      if (isShort) return { tag, vr: dictionaryEntry(tag)?.vr ?? 'UN', offset: at + 8, length: spare };
    }
    const vr = dictionaryEntry(tag)?.vr ?? 'UN';
    return { tag, vr, offset: at + 8, length: this.#view.getUint32(at + 4, little) };
  }

  #tag(at: number, encoding: Encoding): number {
    const little = !encoding.bigEndian;
    return this.#view.getUint16(at, little) * 0x10000 + this.#view.getUint16(at + 2, little);
  }

  #keep(elements: Map<number, Element>, element: Element): void {
    // The first of two equal tags counts: nothing later in the file may rename an object.
    if (elements.has(element.tag)) return;
    this.#kept += 1;
    if (this.#kept > keptElementsLimit) this.#stop(`more than ${keptElementsLimit} elements`);
    else elements.set(element.tag, element);
  }

  #uint64s(element: Element | undefined): number[] | null {
    if (element === undefined) return null;
    const count = Math.floor(element.length / 8);
    const values: number[] = [];
    for (let index = 0; index < count; index += 1) {
      values.push(Number(this.#view.getBigUint64(element.offset + index * 8, true)));
    }
    return values;
  }

  #isZeroFrom(at: number): boolean {
    for (let index = at; index < this.bytes.length; index += 1) if (this.bytes[index] !== 0) return false;
    return true;
  }

  #endEarly(why: string): void {
    this.endedEarly = true;
    this.#stop(why);
  }

  #stop(why: string): void {
    this.damaged ??= why;
    this.#stopped = true;
  }
}

function isLetters(bytes: Uint8Array, offset: number): boolean {
  const isLetter = (byte: number): boolean => (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
  return isLetter(bytes[offset]!) && isLetter(bytes[offset + 1]!);
}
