// Where the data of a file end, found without reading its pixels: whether compressed ones are whole by the lengths of their
// items (PS3.5 A.4), whether native ones are as long as the header says, and whether bytes follow that belong to nothing.
import type { DataSet } from './dataset.ts';
import { tags } from './tags.ts';
import { isEncapsulatedSyntax } from './transfer-syntax.ts';
import { isVr } from './value-representation.ts';
import { latin1Of, numbersOf } from './values.ts';

/** A file's bytes, on the disk or in memory. */
export interface FileBytes {
  readonly length: number;
  /** At most `length` bytes; fewer where the file ends. Valid until the next call. */
  at(offset: number, length: number): Uint8Array;
}

/** Of a video or a slide. Up to here each item is visited; beyond, a file that ends with the delimiter is believed. */
const visitedItems = 64;
/** More is no image: such a file is left to whoever decodes it. */
const itemsLimit = 1_000_000;
const itemHeadBytes = 8;

/** The data set, read up to its pixel data, with what its end shows: `damaged` where it is cut, and `surplusBytes`. */
export function withDataEnd(dataSet: DataSet, file: FileBytes): DataSet {
  const pixels = dataSet.pixelData;
  if (pixels === null) {
    // Zeros to the end of what was read go on to the end of the file, as far as anybody knows.
    const unread = file.length - dataSet.bytes.length;
    return dataSet.surplusBytes === 0 ? dataSet : { ...dataSet, surplusBytes: dataSet.surplusBytes + unread };
  }
  if (dataSet.deflated) return dataSet;
  const end = pixels.encapsulated ? fragmentsEnd(file, pixels.offset) : pixels.offset + pixels.length;
  if (typeof end === 'string') return { ...dataSet, damaged: end, endedEarly: true };
  if (end > file.length) return { ...dataSet, damaged: cutPixels, endedEarly: true };
  const surplusBytes = bytesBehind(dataSet, file, end);
  const needed = pixels.encapsulated ? null : nativeBytes(dataSet);
  if (needed === null) return { ...dataSet, surplusBytes };
  if (pixels.length < needed)
    return { ...dataSet, surplusBytes, damaged: `it holds ${pixels.length} of the ${needed} bytes of its pixel data` };
  // One byte makes an odd length even (PS3.5 8.1.1).
  return { ...dataSet, surplusBytes: surplusBytes + pixels.length - Math.min(pixels.length, needed + (needed % 2)) };
}

const cutPixels = 'the file ends inside its pixel data';

/** Where the encapsulated value that begins at `from` ends, its delimiter included, or why it has no end. */
function fragmentsEnd(file: FileBytes, from: number): number | string {
  let at = from;
  for (let visited = 0; at + itemHeadBytes <= file.length; visited += 1) {
    if (visited === visitedItems && endsWithDelimiter(file)) return file.length;
    if (visited === itemsLimit) return file.length;
    const { tag, length } = itemHead(file, at);
    if (tag === tags.SequenceDelimitationItem) return at + itemHeadBytes;
    if (tag !== tags.Item) return 'its pixel data hold something that is no fragment';
    at += itemHeadBytes + length;
  }
  return cutPixels;
}

const endsWithDelimiter = (file: FileBytes): boolean =>
  itemHead(file, file.length - itemHeadBytes).tag === tags.SequenceDelimitationItem;

function itemHead(file: FileBytes, at: number): { tag: number; length: number } {
  const bytes = file.at(at, itemHeadBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, itemHeadBytes);
  // Little endian in every encapsulated syntax (PS3.5 A.4).
  return { tag: view.getUint16(0, true) * 0x10000 + view.getUint16(2, true), length: view.getUint32(4, true) };
}

/** Bytes from `end` to the file's, unless another element stands there: padding, a signature. */
function bytesBehind({ implicit, bigEndian, pixelData }: DataSet, file: FileBytes, end: number): number {
  const rest = file.length - end;
  if (rest < itemHeadBytes) return rest;
  const bytes = file.at(end, itemHeadBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, itemHeadBytes);
  const tag = view.getUint16(0, !bigEndian) * 0x10000 + view.getUint16(2, !bigEndian);
  const fits = implicit ? view.getUint32(4, true) <= rest - itemHeadBytes : isVr(bytes, 4);
  return tag > (pixelData?.tag ?? 0) && fits ? 0 : rest;
}

/** What native pixel data take (PS3.5 8.1.1); null where the header does not say. */
function nativeBytes(dataSet: DataSet): number | null {
  if (isEncapsulatedSyntax(dataSet.transferSyntaxUID)) return null;
  const number = (tag: number): number => numbersOf(dataSet, dataSet.elements.get(tag), 1)[0] ?? 0;
  const rows = number(tags.Rows);
  const columns = number(tags.Columns);
  const bits = number(tags.BitsAllocated);
  const samples = Math.max(1, number(tags.SamplesPerPixel));
  const frames = Math.max(1, Math.trunc(number(tags.NumberOfFrames)));
  const photometric = dataSet.elements.get(tags.PhotometricInterpretation);
  const isSubsampled = photometric !== undefined && /_42[02]/.test(latin1Of(dataSet, photometric, 16));
  // Writers leave chrominance whole and say that they did not.
  if (isSubsampled || rows === 0 || columns === 0 || bits === 0) return null;
  const bytes = Math.ceil((rows * columns * samples * bits * frames) / 8);
  // Text stands where a number should (a NumberOfFrames of "1A"): that says nothing about the pixels.
  return Number.isFinite(bytes) ? bytes : null;
}
