// Deflated data sets (PS3.5 A.5), inflated piece by piece up to a limit: a small file may not fill the memory, and what
// lies before a break is kept.
import { Inflate, Unzlib } from 'fflate';
import { libraryFaults } from './faults.ts';

const pieceBytes = 64 * 1024;

export interface InflatedDataSet {
  readonly bytes: Uint8Array;
  readonly damaged: string | null;
}

/** @throws Fault 107 where not even the first bytes can be inflated. */
export function inflateDataSet(deflated: Uint8Array, limitBytes: number): InflatedDataSet {
  const raw = inflateWith(new Inflate(), deflated, limitBytes);
  if (raw.bytes.length > 0) return raw;
  // Some writers wrap the stream in zlib's header, against the standard.
  const wrapped = inflateWith(new Unzlib(), deflated, limitBytes);
  if (wrapped.bytes.length > 0) return wrapped;
  throw libraryFaults.notDicom('The deflated data set cannot be inflated: its compressed bytes are damaged.');
}

function inflateWith(stream: Inflate | Unzlib, deflated: Uint8Array, limitBytes: number): InflatedDataSet {
  const pieces: Uint8Array[] = [];
  let total = 0;
  stream.ondata = (piece) => {
    pieces.push(piece);
    total += piece.length;
  };
  let damaged: string | null = null;
  try {
    for (let at = 0; at < deflated.length && total <= limitBytes; at += pieceBytes) {
      stream.push(deflated.subarray(at, at + pieceBytes));
    }
    if (total > limitBytes) damaged = `the data set inflates to more than ${limitBytes} bytes`;
  } catch {
    damaged = 'the deflated data set is broken';
  }
  try {
    // Only now final: a final piece that is cut off would lose what it holds.
    if (damaged === null) stream.push(new Uint8Array(0), true);
  } catch {
    damaged = 'the deflated data set is cut off';
  }
  const bytes = new Uint8Array(Math.min(total, limitBytes));
  let at = 0;
  for (const piece of pieces) {
    const part = piece.subarray(0, bytes.length - at);
    bytes.set(part, at);
    at += part.length;
  }
  return { bytes, damaged };
}
