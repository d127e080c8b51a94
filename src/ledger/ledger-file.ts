// Reads ledger.jsonl from beginning to end in pieces, so that its length does not matter.
import { closeSync, openSync, readSync } from 'node:fs';
import { ledgerFault } from './faults.ts';
import { maxLineBytes } from './ledger-line.ts';

export interface LedgerLine {
  /** Null for one that is longer than any line of a ledger; what it says is not needed to call it broken. */
  readonly text: string | null;
  /** With the line end. */
  readonly bytes: number;
}

const pieceBytes = 256 * 1024;
const lineEnd = 0x0a;

/**
 * Gives each whole line to `take`.
 * @returns bytes after the last line end. @throws Fault 640 when the file is there but cannot be read. An absent file is an empty ledger.
 */
export function readLedgerLines(file: string, take: (line: LedgerLine) => void): number {
  let rest: Buffer = Buffer.alloc(0);
  // Bytes of the present line that were let go because no line of ours is so long.
  let droppedBytes = 0;
  for (const piece of piecesOf(file)) {
    let unread = rest.length > 0 ? Buffer.concat([rest, piece]) : piece;
    for (let end = unread.indexOf(lineEnd); end >= 0; end = unread.indexOf(lineEnd)) {
      const text = droppedBytes > 0 ? null : unread.subarray(0, end).toString('utf8');
      take({ text, bytes: droppedBytes + end + 1 });
      droppedBytes = 0;
      unread = unread.subarray(end + 1);
    }
    rest = Buffer.from(unread);
    if (rest.length > maxLineBytes) {
      droppedBytes += rest.length;
      rest = Buffer.alloc(0);
    }
  }
  return droppedBytes + rest.length;
}

function* piecesOf(file: string): Generator<Buffer> {
  let handle: number;
  try {
    handle = openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw ledgerFault.unreadable(error instanceof Error ? error.message : String(error));
  }
  try {
    for (;;) {
      const piece = Buffer.alloc(pieceBytes);
      const length = readSync(handle, piece);
      if (length === 0) return;
      yield piece.subarray(0, length);
    }
  } catch (error) {
    throw ledgerFault.unreadable(error instanceof Error ? error.message : String(error));
  } finally {
    closeSync(handle);
  }
}
