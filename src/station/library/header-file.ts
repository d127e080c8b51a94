// The header of a file on disk: a head of 32 KB is enough for almost every one; where it is not, more is read.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { type FileBytes, withDataEnd } from './data-end.ts';
import type { DataSet } from './dataset.ts';
import { libraryFaults } from './faults.ts';
import { parseDataset } from './parse-dataset.ts';

/** Of a file that is read from its beginning. */
export const headBytes = 32 * 1024;
const growth = 16;
/** Whole-slide and enhanced multi-frame headers reach tens of megabytes; more than this is no header. */
const largestHeaderBytes = 512 * 1024 * 1024;
const inflateLimitBytes = 128 * 1024 * 1024;

export interface HeaderFile {
  readonly dataSet: DataSet;
  readonly fileBytes: number;
  readonly modifiedMs: number;
}

export interface HeaderFileOptions {
  readonly keepItems: boolean;
  /** The head is read into this; what was read before from it is overwritten. A new buffer where absent. */
  readonly into?: Buffer;
}

/** A buffer for `into`. */
export const headBuffer = (): Buffer => Buffer.allocUnsafeSlow(headBytes);

/**
 * Reads a file's data set up to its pixel data, and looks at where these end.
 * @throws Fault 107 where the file is empty or no DICOM; a file system error where it cannot be read.
 */
export function readHeaderFile(path: string, options: HeaderFileOptions): HeaderFile {
  const file = openSync(path, 'r');
  try {
    const stat = fstatSync(file);
    if (stat.size === 0) throw libraryFaults.notDicom('The file is empty.');
    const enough = Math.min(stat.size, largestHeaderBytes);
    let wanted = Math.min(headBytes, enough);
    const parsing = { keepItems: options.keepItems, stopAtPixelData: true, inflateLimitBytes };
    for (;;) {
      const bytes = readFrom(file, wanted, wanted <= headBytes ? options.into : undefined);
      const dataSet = parseDataset(bytes, parsing);
      if (isWhole(dataSet) || wanted >= enough) {
        const source = openBytes(() => file, stat.size, bytes);
        return { dataSet: withDataEnd(dataSet, source), fileBytes: stat.size, modifiedMs: stat.mtimeMs };
      }
      wanted = Math.min(wanted * growth, enough);
    }
  } finally {
    closeSync(file);
  }
}

/** As `readHeaderFile`, of a file that is in memory whole. @throws Fault 107 */
export function readHeaderBytes(bytes: Uint8Array, options: { keepItems: boolean }): DataSet {
  if (bytes.length === 0) throw libraryFaults.notDicom('The file is empty.');
  const dataSet = parseDataset(bytes, { ...options, stopAtPixelData: true, inflateLimitBytes });
  return withDataEnd(dataSet, heldBytes(bytes));
}

/**
 * As `readHeaderFile`, of a file whose first bytes are at hand; null where the header reaches beyond them. The file is opened
 * only where its end has to be looked at.
 * @throws Fault 107; a file system error.
 */
export function readHeaderHead(
  { head, fileBytes, path }: { head: Uint8Array; fileBytes: number; path: string },
  options: { keepItems: boolean },
): DataSet | null {
  const dataSet = parseDataset(head, { ...options, stopAtPixelData: true, inflateLimitBytes });
  if (!isWhole(dataSet) && head.length < fileBytes) return null;
  let opened: number | null = null;
  try {
    return withDataEnd(
      dataSet,
      openBytes(() => (opened ??= openSync(path, 'r')), fileBytes, head),
    );
  } finally {
    if (opened !== null) closeSync(opened);
  }
}

/** Nothing of it lies beyond the bytes that were read. Whether a deflated one is damaged is known at its end alone. */
const isWhole = ({ pixelData, damaged, endedEarly, deflated }: DataSet): boolean =>
  deflated ? damaged === null : pixelData !== null || (damaged !== null && !endedEarly);

function readFrom(file: number, length: number, into: Buffer | undefined): Uint8Array {
  const bytes = into ?? Buffer.allocUnsafe(length);
  let held = 0;
  while (held < length) {
    const read = readSync(file, bytes, held, length - held, held);
    if (read === 0) break;
    held += read;
  }
  return bytes.subarray(0, held);
}

/** @param head the file's first bytes, which are not read again */
function openBytes(file: () => number, length: number, head: Uint8Array): FileBytes {
  return {
    length,
    at(offset, wanted) {
      if (offset + wanted <= head.length) return head.subarray(offset, offset + wanted);
      const piece = Buffer.allocUnsafe(wanted);
      return piece.subarray(0, readSync(file(), piece, 0, wanted, offset));
    },
  };
}

const heldBytes = (bytes: Uint8Array): FileBytes => ({
  length: bytes.length,
  at: (offset, length) => bytes.subarray(offset, offset + length),
});
