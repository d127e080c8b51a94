// The append-only record of what this station did and of every byte that left it: a hash chain in ledger.jsonl.
// Changing, removing or reordering entries is detected by `verify`; cutting off the end is not, except by whoever
// remembers a later head (a report, the hub).
import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { LedgerEntry } from '../../contract/federation.ts';
import { ledgerFault } from './faults.ts';
import { formatLine, maxLineBytes } from './ledger-line.ts';
import { readLedgerFile } from './ledger-file.ts';

export interface Verification {
  readonly verified: boolean;
  /** Number of the first line (from 1) that does not fit the chain; null when all do. */
  readonly firstBroken: number | null;
  readonly entries: number;
}

export interface Ledger {
  /**
   * Enters an act; when this returns, the entry is on the disk. `detail` holds hashes, counts and names of cohorts,
   * projects and sites, never of patients.
   * @throws Fault 641 when it cannot be written (what must not happen unrecorded must then not happen), 642 when it is beyond 64 KiB.
   */
  append(act: string, detail: LedgerEntry['detail']): LedgerEntry;
  /** The latest entries, newest first. */
  entries(limit: number): LedgerEntry[];
  /** Recomputes the whole chain from the file. */
  verify(): Verification;
  /** Hash of the latest entry; 64 zeros before the first. */
  head(): string;
}

/**
 * Opens `ledger.jsonl` in `folder`, which only this process writes. A last line torn by a crash is cut off (`append`
 * had not returned, so nobody relied on it) and the repair is itself entered.
 * @throws Fault 640 when the file cannot be read.
 */
export function openLedger(folder: string, now: () => Date = () => new Date()): Ledger {
  const file = path.join(folder, 'ledger.jsonl');
  const found = readLedgerFile(file, 0);
  let { head, lines, wholeBytes } = found;

  const append: Ledger['append'] = (act, detail) => {
    const { line, entry } = formatLine({
      sequence: lines + 1,
      at: now().toISOString(),
      act,
      detail,
      previousHash: head,
    });
    const bytes = Buffer.from(`${line}\n`);
    if (bytes.length > maxLineBytes) throw ledgerFault.entryTooLarge(bytes.length, maxLineBytes);
    writeAt(file, wholeBytes, bytes);
    wholeBytes += bytes.length;
    lines += 1;
    head = entry.hash;
    return entry;
  };

  if (found.tornBytes > 0) append('ledger-repaired', { removedBytes: found.tornBytes });
  return {
    append,
    entries: (limit) => readLedgerFile(file, limit).latest.reverse(),
    verify: () => {
      const { firstBroken, lines: entries, tornBytes } = readLedgerFile(file, 0);
      // While this process has the ledger open every line is whole: a torn one was made by someone else.
      const broken = firstBroken ?? (tornBytes > 0 ? entries + 1 : null);
      return { verified: broken === null, firstBroken: broken, entries };
    },
    head: () => head,
  };
}

/** Writes at `position` and to the disk; whatever lay beyond (a torn line, a failed write) is cut off first. */
function writeAt(file: string, position: number, bytes: Uint8Array): void {
  try {
    const isNew = !existsSync(file);
    const handle = openSync(file, isNew ? 'wx' : 'r+', 0o600);
    try {
      ftruncateSync(handle, position);
      for (let written = 0; written < bytes.length;) {
        written += writeSync(handle, bytes, written, bytes.length - written, position + written);
      }
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    if (isNew && process.platform !== 'win32') syncFolder(path.dirname(file));
  } catch (error) {
    throw ledgerFault.unwritable(error instanceof Error ? error.message : String(error));
  }
}

/** Makes the file's name durable as well as its content; Windows does so by itself. */
function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
