// From bytes to a data set: finds where it begins, how it is encoded, and walks it.
import type { DataSet, Element, ParseOptions } from './dataset.ts';
import { dictionaryEntry } from './dictionary.ts';
import { ElementReader } from './element-reader.ts';
import { libraryFaults } from './faults.ts';
import { inflateDataSet } from './inflate.ts';
import { tags } from './tags.ts';
import { encodingSeen, isEncapsulatedSyntax, transferSyntaxes, type Encoding } from './transfer-syntax.ts';

/**
 * Reads a DICOM file, or its beginning, given as `bytes`.
 * What is broken is left out and said in `damaged`; only bytes that are no DICOM data set at all are refused.
 * @throws Fault 107 where nothing in the bytes looks like DICOM, or a deflated data set cannot be inflated.
 */
export function parseDataset(bytes: Uint8Array, options: ParseOptions = {}): DataSet {
  const readerOptions = {
    stopAtPixelData: options.stopAtPixelData ?? false,
    keepItems: options.keepItems ?? true,
  };
  const start = beginning(bytes);
  const head = new ElementReader(bytes, readerOptions);
  const meta = new Map<number, Element>();
  const dataStart = head.readMeta(start, meta);
  const stated = declaredSyntax(bytes, meta.get(tags.TransferSyntaxUID));
  const declared =
    stated === transferSyntaxes.deflated && isPlain(bytes, dataStart) ? transferSyntaxes.explicitLittle : stated;
  if (declared === transferSyntaxes.deflated && dataStart < bytes.length) {
    const inflated = inflateDataSet(bytes.subarray(dataStart), options.inflateLimitBytes ?? 512 * 1024 * 1024);
    const reader = new ElementReader(inflated.bytes, readerOptions);
    const elements = new Map<number, Element>();
    const encoding = encodingSeen(inflated.bytes, 0) ?? { implicit: false, bigEndian: false };
    reader.readTop(0, encoding, elements);
    // A header needs no more than itself.
    const isEnough = inflated.isLimited && readerOptions.stopAtPixelData && reader.pixelData !== null;
    const inflation = isEnough ? null : inflated.damaged;
    return {
      bytes: inflated.bytes,
      // The meta header lies in the file, not in the inflated bytes: its elements would point astray.
      meta: new Map(),
      elements,
      transferSyntaxUID: declared,
      ...encoding,
      deflated: true,
      pixelData: reader.pixelData,
      damaged: inflation ?? reader.damaged,
      endedEarly: reader.endedEarly || inflation !== null,
      surplusBytes: 0,
    };
  }
  const elements = new Map<number, Element>();
  const { encoding, transferSyntaxUID } = encodingOf(bytes, dataStart, declared);
  if (head.damaged === null) head.readTop(dataStart, encoding, elements);
  return {
    bytes,
    meta,
    elements,
    transferSyntaxUID,
    ...encoding,
    deflated: false,
    pixelData: head.pixelData,
    damaged: head.damaged,
    endedEarly: head.endedEarly,
    surplusBytes: head.zerosBehind,
  };
}

/** Where the data set begins in a file's first bytes, after preamble and meta header. @throws Fault 107. */
export function dataSetStart(bytes: Uint8Array): number {
  return new ElementReader(bytes, { stopAtPixelData: true, keepItems: false }).readMeta(beginning(bytes), new Map());
}

/** Where the meta header or, without one, the data set begins. */
function beginning(bytes: Uint8Array): number {
  if (hasPrefix(bytes, 128)) return 132;
  if (hasPrefix(bytes, 0)) return 4;
  // Exports without preamble, and with a preamble but without its prefix.
  for (const offset of [0, 128]) if (looksLikeElement(bytes, offset)) return offset;
  const stray = signatureOffset(bytes);
  if (stray !== null) return stray;
  throw libraryFaults.notDicom('Not a DICOM file.');
}

/** Where (0008,0005) CS stands within the first bytes: some exports put stray bytes before a bare data set. */
function signatureOffset(bytes: Uint8Array): number | null {
  const signature = [0x08, 0x00, 0x05, 0x00, 0x43, 0x53];
  const reach = Math.min(bytes.length - signature.length, 256);
  for (let at = 0; at <= reach; at += 1) if (signature.every((byte, index) => bytes[at + index] === byte)) return at;
  return null;
}

const hasPrefix = (bytes: Uint8Array, at: number): boolean =>
  bytes.length >= at + 4 &&
  bytes[at] === 0x44 &&
  bytes[at + 1] === 0x49 &&
  bytes[at + 2] === 0x43 &&
  bytes[at + 3] === 0x4d;

function looksLikeElement(bytes: Uint8Array, offset: number): boolean {
  const encoding = encodingSeen(bytes, offset);
  if (encoding === null) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, 4);
  const little = !encoding.bigEndian;
  const group = view.getUint16(0, little);
  // A data set without preamble begins in one of the first groups; anything else is chance.
  return group <= 0x0010 && dictionaryEntry(group * 0x10000 + view.getUint16(2, little)) !== null;
}

/** Explicit VR elements where deflated ones were announced. */
const isPlain = (bytes: Uint8Array, offset: number): boolean =>
  encodingSeen(bytes, offset)?.implicit === false && looksLikeElement(bytes, offset);

function declaredSyntax(bytes: Uint8Array, element: Element | undefined): string {
  if (element === undefined) return '';
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + element.offset, Math.min(element.length, 64)).toString(
    'latin1',
  );
  return text.replace(/[\0 ]+$/, '').trim();
}

function encodingOf(
  bytes: Uint8Array,
  dataStart: number,
  declared: string,
): { encoding: Encoding; transferSyntaxUID: string } {
  const stated = {
    implicit: declared === transferSyntaxes.implicitLittle || declared === transferSyntaxes.bigPixels,
    bigEndian: declared === transferSyntaxes.explicitBig,
  };
  const seen = encodingSeen(bytes, dataStart);
  if (seen === null || (declared !== '' && seen.implicit === stated.implicit && seen.bigEndian === stated.bigEndian)) {
    return { encoding: stated, transferSyntaxUID: declared === '' ? transferSyntaxes.implicitLittle : declared };
  }
  if (isEncapsulatedSyntax(declared)) return { encoding: seen, transferSyntaxUID: declared };
  if (seen.implicit) return { encoding: seen, transferSyntaxUID: transferSyntaxes.implicitLittle };
  const explicit = seen.bigEndian ? transferSyntaxes.explicitBig : transferSyntaxes.explicitLittle;
  return { encoding: seen, transferSyntaxUID: explicit };
}
