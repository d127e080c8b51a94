// A ledger in a file, ledger.jsonl, which one process writes: the record of what a station did and of every byte that left it.
// Changing, removing or reordering entries is detected by `verify`; cutting off the end is, by the heads that hubs countersigned.
import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { syncFolder } from '../disk/durable-file.ts';
import type { LedgerEntry } from '../contract/ledger.ts';
import { openChainCheck } from './chain-check.ts';
import { checkpointAct, checkpointDetail, checkpointEvery, type LedgerSeal } from './checkpoint.ts';
import { ledgerFault } from './faults.ts';
import type { Ledger } from './ledger.ts';
import { firstPreviousHash, formatLine, maxLineBytes } from './ledger-line.ts';
import { readLedgerLines } from './ledger-file.ts';

/** Where a folder's ledger lies. */
export const ledgerFileIn = (folder: string): string => path.join(folder, 'ledger.jsonl');

/**
 * Opens `ledger.jsonl` in `folder`, which only this process writes. A last line torn by a crash is cut off (`append`
 * had not returned, so nobody relied on it) and the repair is itself entered. Without a seal nothing is signed.
 * @throws Fault 640 when the file cannot be read.
 */
export function openFileLedger(
  folder: string,
  options: { readonly seal?: LedgerSeal; readonly now?: () => Date } = {},
): Ledger {
  const file = ledgerFileIn(folder);
  const { seal = null, now = () => new Date() } = options;
  const found = openChainCheck(null);
  let wholeBytes = 0;
  /** Entries up to the last checkpoint, itself included, and when it was made. */
  let signed = { entries: 0, at: -Infinity };
  const tornBytes = readLedgerLines(file, ({ text, bytes }) => {
    wholeBytes += bytes;
    const entry = found.take(text);
    if (entry?.act === checkpointAct) signed = { entries: found.lines, at: Date.parse(entry.at) };
  });
  let { head, lines } = found;

  const enter = (act: string, detail: LedgerEntry['detail']): LedgerEntry => {
    const at = now().toISOString();
    const { line, entry } = formatLine({ sequence: lines + 1, at, act, detail, previousHash: head });
    const bytes = Buffer.from(`${line}\n`);
    if (bytes.length > maxLineBytes) throw ledgerFault.entryTooLarge(bytes.length, maxLineBytes);
    writeAt(file, wholeBytes, bytes);
    wholeBytes += bytes.length;
    lines += 1;
    head = entry.hash;
    return entry;
  };
  const checkpoint = (): boolean => {
    if (seal === null || lines === signed.entries) return false;
    enter(checkpointAct, checkpointDetail(seal, lines, head));
    signed = { entries: lines, at: now().getTime() };
    return true;
  };
  const append: Ledger['append'] = (act, detail) => {
    const entry = enter(act, detail);
    if (lines - signed.entries >= checkpointEvery.entries) signWhereItCan(checkpoint);
    return entry;
  };

  if (tornBytes > 0) append('ledger-repaired', { removedBytes: tornBytes });
  return {
    append,
    checkpoint,
    entries(limit, isWanted = () => true) {
      const latest: LedgerEntry[] = [];
      const chain = openChainCheck(null);
      readLedgerLines(file, ({ text }) => {
        const entry = chain.take(text);
        if (entry === null || !isWanted(entry)) return;
        latest.push(entry);
        if (latest.length > limit) latest.shift();
      });
      return latest.reverse();
    },
    verify(known = []) {
      const chain = openChainCheck(seal, known);
      const torn = readLedgerLines(file, ({ text }) => chain.take(text)) > 0;
      // While this process has the ledger open every line is whole: a torn one was made by someone else.
      return chain.verification(torn);
    },
    head: () => ({ entries: lines, hash: head }),
    hashAt(sequence) {
      let hash: string | null = sequence === 0 ? firstPreviousHash : null;
      const chain = openChainCheck(null);
      readLedgerLines(file, ({ text }) => {
        const entry = chain.take(text);
        if (chain.lines === sequence) hash = entry?.hash ?? null;
      });
      return hash;
    },
  };
}

/** An act that was entered is entered, also when its checkpoint cannot be: that is made with the next. */
function signWhereItCan(checkpoint: () => boolean): void {
  try {
    checkpoint();
  } catch {
    // The disk that is full now says so at the next act.
  }
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
    if (isNew) syncFolder(path.dirname(file));
  } catch (error) {
    throw ledgerFault.unwritable(error instanceof Error ? error.message : String(error));
  }
}
