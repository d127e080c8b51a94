// Follows a chain line by line and remembers where it first did not fit: changed, removed, reordered or repeated entries, and
// checkpoints that the owner did not sign.
import type { LedgerEntry } from '../contract/ledger.ts';
import { checkpointAct, isCheckpointOf, type LedgerSeal } from './checkpoint.ts';
import type { LedgerHead, Verification } from './ledger.ts';
import { chainedHash, firstPreviousHash, parseLine } from './ledger-line.ts';

export interface ChainCheck {
  /** The next line; null for one that is no line of a ledger whatever it says. @returns its entry, where it has one. */
  take(line: string | null): LedgerEntry | null;
  readonly lines: number;
  /** What the next entry is chained to. */
  readonly head: string;
  /** What was found so far. `torn`: bytes follow that are no whole line. */
  verification(torn?: boolean): Verification;
}

/**
 * @param seal whose checkpoints must hold; null where they are not looked at
 * @param known heads that others remember: each must be met on the way
 */
export function openChainCheck(seal: LedgerSeal | null, known: readonly LedgerHead[] = []): ChainCheck {
  const awaited = new Map<number, string>(known.map(({ entries, hash }) => [entries, hash]));
  const farthest = Math.max(0, ...awaited.keys());
  let lines = 0;
  let head = firstPreviousHash;
  let broken: { readonly line: number; readonly reason: string } | null = null;
  let checkpoints = 0;
  let signedEntries = 0;

  const found = (line: number, reason: string): void => {
    if (broken === null || line < broken.line) broken = { line, reason };
  };
  const lookAt = (entry: LedgerEntry): void => {
    const expected = awaited.get(entry.sequence);
    if (expected !== undefined && expected !== entry.hash) {
      found(entry.sequence, 'it is another entry than the one that others countersigned: the ledger was rewritten');
    }
    if (seal === null || entry.act !== checkpointAct) return;
    if (!isCheckpointOf(seal, entry)) return found(entry.sequence, 'its signature is not the one of this ledger’s key');
    checkpoints += 1;
    signedEntries = entry.sequence - 1;
  };

  return {
    take(line) {
      lines += 1;
      const parsed = line === null ? null : parseLine(line, head);
      if (parsed === null) found(lines, 'it is not an entry of a ledger');
      else if (!parsed.isChained) found(lines, 'its hash does not fit what it says and the entry before it');
      else if (parsed.entry.sequence !== lines) found(lines, `it says that it is number ${parsed.entry.sequence}`);
      else lookAt(parsed.entry);
      // After a broken line the chain goes on from what that line says, so that later entries can still be told apart.
      head = parsed?.entry.hash ?? chainedHash(head, line ?? '');
      return parsed?.entry ?? null;
    },
    get lines() {
      return lines;
    },
    get head() {
      return head;
    },
    verification(torn = false) {
      if (torn) found(lines + 1, 'it is cut off in the middle');
      if (farthest > lines)
        found(lines + 1, `entries are missing at the end: others countersigned ${farthest} of them`);
      return {
        verified: broken === null,
        firstBroken: broken?.line ?? null,
        reason: broken?.reason ?? null,
        entries: lines,
        checkpoints,
        signedEntries,
      };
    },
  };
}
