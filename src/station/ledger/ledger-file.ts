// Reads ledger.jsonl from beginning to end in pieces, so that its length does not matter.
import { closeSync, openSync, readSync } from 'node:fs';
import type { LedgerEntry } from '../../contract/federation.ts';
import { ledgerFault } from './faults.ts';
import { chainedHash, firstPreviousHash, maxLineBytes, parseLine } from './ledger-line.ts';

export interface LedgerFile {
  /** Whole lines, whether or not they fit the chain. */
  readonly lines: number;
  /** Bytes of the whole lines. */
  readonly wholeBytes: number;
  /** Bytes after the last line end. */
  readonly tornBytes: number;
  /** What the next entry is chained to. */
  readonly head: string;
  /** Number (from 1) of the first line that does not fit the chain; null when all do. */
  readonly firstBroken: number | null;
  /** The last `keep` readable entries, oldest first. */
  readonly latest: LedgerEntry[];
}

const pieceBytes = 256 * 1024;
const lineEnd = 0x0a;

/** @throws Fault 640 when the file is there but cannot be read. An absent file is an empty ledger. */
export function readLedgerFile(file: string, keep: number): LedgerFile {
  const latest: LedgerEntry[] = [];
  let lines = 0;
  let wholeBytes = 0;
  let head = firstPreviousHash;
  let firstBroken: number | null = null;

  const takeLine = (line: Buffer, droppedBytes: number): void => {
    lines += 1;
    wholeBytes += droppedBytes + line.length + 1;
    const text = line.toString('utf8');
    const parsed = droppedBytes > 0 ? null : parseLine(text, head);
    if (!parsed?.isChained || parsed.entry.sequence !== lines) firstBroken ??= lines;
    // After a broken line the chain goes on from what that line says, so that later entries can still be told apart.
    head = parsed?.entry.hash ?? chainedHash(head, text);
    if (!parsed || keep === 0) return;
    latest.push(parsed.entry);
    if (latest.length > keep) latest.shift();
  };

  let rest: Buffer = Buffer.alloc(0);
  // Bytes of the present line that were let go because no line of ours is so long; they are not needed to call it broken.
  let droppedBytes = 0;
  for (const piece of piecesOf(file)) {
    let unread = rest.length > 0 ? Buffer.concat([rest, piece]) : piece;
    for (let end = unread.indexOf(lineEnd); end >= 0; end = unread.indexOf(lineEnd)) {
      takeLine(unread.subarray(0, end), droppedBytes);
      droppedBytes = 0;
      unread = unread.subarray(end + 1);
    }
    rest = Buffer.from(unread);
    if (rest.length > maxLineBytes) {
      droppedBytes += rest.length;
      rest = Buffer.alloc(0);
    }
  }
  return { lines, wholeBytes, tornBytes: droppedBytes + rest.length, head, firstBroken, latest };
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
