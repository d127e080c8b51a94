// Deflated data sets (PS3.5 A.5), inflated up to a limit: a small file may not fill the memory, and what lies before a
// break is kept.
import { constants, inflateRawSync, inflateSync } from 'node:zlib';
import { Inflate, Unzlib } from 'fflate';
import { libraryFaults } from './faults.ts';

const pieceBytes = 8 * 1024;
const chunkSize = 256 * 1024;

export interface InflatedDataSet {
  readonly bytes: Uint8Array;
  readonly damaged: string | null;
  /** It goes on beyond the limit. */
  readonly isLimited: boolean;
}

/** @throws Fault 107 where not even the first bytes can be inflated. */
export function inflateDataSet(deflated: Uint8Array, limitBytes: number): InflatedDataSet {
  // Writers exist that wrap the stream in zlib's header, against the standard.
  const quick = inflateWhole(inflateRawSync, deflated, limitBytes) ?? inflateWhole(inflateSync, deflated, limitBytes);
  if (quick !== null) return quick;
  // Broken or too large: piece by piece, to keep what comes first.
  for (const stream of [new Inflate(), new Unzlib()]) {
    const inflated = inflateWith(stream, deflated, limitBytes);
    if (inflated.bytes.length > 0) return inflated;
  }
  throw libraryFaults.notDicom('The deflated data set cannot be inflated: its compressed bytes are damaged.');
}

/** The quick way for a sound stream, also one that is cut off; null for any other. */
function inflateWhole(
  inflate: typeof inflateRawSync,
  deflated: Uint8Array,
  limitBytes: number,
): InflatedDataSet | null {
  for (const isCut of [false, true]) {
    try {
      const finishFlush = isCut ? constants.Z_SYNC_FLUSH : constants.Z_FINISH;
      const bytes = inflate(deflated, { maxOutputLength: limitBytes, finishFlush, chunkSize });
      if (bytes.length > 0)
        return { bytes, damaged: isCut ? 'the deflated data set is cut off' : null, isLimited: false };
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'Z_BUF_ERROR') return null;
    }
  }
  return null;
}

function inflateWith(stream: Inflate | Unzlib, deflated: Uint8Array, limitBytes: number): InflatedDataSet {
  const pieces: Uint8Array[] = [];
  let total = 0;
  stream.ondata = (piece) => {
    pieces.push(piece);
    total += piece.length;
  };
  const isTooLarge = (): boolean => total > limitBytes;
  let damaged = 'the deflated data set is cut off';
  try {
    for (let at = 0; at < deflated.length; at += pieceBytes) {
      if (isTooLarge()) break;
      stream.push(deflated.subarray(at, at + pieceBytes));
    }
    if (isTooLarge()) damaged = `the data set inflates to more than ${limitBytes} bytes`;
  } catch {
    damaged = 'the deflated data set is broken';
  }
  const bytes = new Uint8Array(Math.min(total, limitBytes));
  let at = 0;
  for (const piece of pieces) {
    const part = piece.subarray(0, bytes.length - at);
    bytes.set(part, at);
    at += part.length;
  }
  return { bytes, damaged, isLimited: isTooLarge() };
}
