// One line of ledger.jsonl: {"hash":"<64 hex digits>","entry":<entry>}. The entry's bytes lie between fixed positions, so
// that anyone can recompute the chain with sha256 and a text editor, without a JSON writer that agrees with ours.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type LedgerEntry, ledgerEntrySchema } from '../contract/ledger.ts';

/** What the first entry is chained to. */
export const firstPreviousHash = '0'.repeat(64);

export const maxLineBytes = 64 * 1024;

const linePattern = /^\{"hash":"([0-9a-f]{64})","entry":(.*)\}$/s;
const storedEntrySchema = ledgerEntrySchema.omit({ previousHash: true, hash: true }).extend({
  sequence: z.number().int().min(1),
});

/** h = SHA-256(previous hash, 32 bytes ‖ exact bytes of the entry), in hex. */
export function chainedHash(previousHash: string, entryText: string): string {
  return createHash('sha256').update(Buffer.from(previousHash, 'hex')).update(entryText, 'utf8').digest('hex');
}

/** The line of an entry, without its line end, and the entry as the contract speaks of it. */
export function formatLine(entry: Omit<LedgerEntry, 'hash'>): { readonly line: string; readonly entry: LedgerEntry } {
  const { sequence, at, act, detail, previousHash } = entry;
  const text = JSON.stringify({ sequence, at, act, detail });
  const hash = chainedHash(previousHash, text);
  return { line: `{"hash":"${hash}","entry":${text}}`, entry: { ...entry, hash } };
}

/** The hash that a line says it has; null where it is no line of a ledger. */
export function hashOfLine(line: string): string | null {
  return linePattern.exec(line)?.[1] ?? null;
}

export interface ParsedLine {
  readonly entry: LedgerEntry;
  /** Whether the recorded hash is that of the entry chained to `previousHash`. */
  readonly isChained: boolean;
}

/** The entry of a line that follows one with `previousHash`; null when it is not a line of a ledger. */
export function parseLine(line: string, previousHash: string): ParsedLine | null {
  const [, hash, text] = linePattern.exec(line) ?? [];
  if (hash === undefined || text === undefined) return null;
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return null;
  }
  const stored = storedEntrySchema.safeParse(content);
  if (!stored.success) return null;
  const isChained = chainedHash(previousHash, text) === hash;
  return { entry: { ...stored.data, previousHash, hash }, isChained };
}
