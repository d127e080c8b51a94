// The header of a file on disk: a head of 32 KB is enough for almost every one; where it is not, more is read.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
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
 * Reads a file's data set up to its pixel data.
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
      if (isWhole(dataSet) || wanted >= enough)
        return { dataSet: withCut(dataSet, stat.size), fileBytes: stat.size, modifiedMs: stat.mtimeMs };
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
  return withCut(dataSet, bytes.length);
}

/**
 * As `readHeaderFile`, of a file's first bytes; null where the header reaches beyond them.
 * @param fileBytes the length of the whole file
 * @throws Fault 107
 */
export function readHeaderHead(head: Uint8Array, fileBytes: number, options: { keepItems: boolean }): DataSet | null {
  const dataSet = parseDataset(head, { ...options, stopAtPixelData: true, inflateLimitBytes });
  return isWhole(dataSet) || head.length >= fileBytes ? withCut(dataSet, fileBytes) : null;
}

/** Nothing of it lies beyond the bytes that were read. */
const isWhole = (dataSet: DataSet): boolean =>
  dataSet.pixelData !== null || (dataSet.damaged !== null && !dataSet.endedEarly);

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

/** Native pixel data that reaches beyond the file's end was not noticed by a read that stops before it. */
function withCut(dataSet: DataSet, fileBytes: number): DataSet {
  const pixels = dataSet.pixelData;
  if (pixels === null || dataSet.deflated || pixels.offset + pixels.length <= fileBytes) return dataSet;
  return { ...dataSet, damaged: 'the file ends inside its pixel data', endedEarly: true };
}
