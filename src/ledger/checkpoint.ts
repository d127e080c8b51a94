// Checkpoints: entries in which the ledger's owner signs everything before them. Whoever rewrites the chain from some entry on has to
// sign anew, which needs the device's key and not only the disk.
import type { LedgerEntry } from '../contract/ledger.ts';

export const checkpointAct = 'checkpoint';
/** A checkpoint is due after so many entries, or so long after the last one when there is anything new. */
export const checkpointEvery = { entries: 100, ms: 10 * 60 * 1_000 } as const;

const domain = 'imagiq.ledger.v1 checkpoint';

/** The key that a ledger is signed with: its device's, or its hub's. */
export interface LedgerSeal {
  readonly publicKey: string;
  /** SHA-256 (hex) of the raw public key. */
  readonly fingerprint: string;
  sign(domain: string, statement: string): string;
  isSigned(
    by: { publicKey: string; fingerprint: string; signature: string },
    domain: string,
    statement: string,
  ): boolean;
}

/** The detail of a checkpoint that follows `entries` entries, the last of which has `hash`. */
export function checkpointDetail(seal: LedgerSeal, entries: number, hash: string): LedgerEntry['detail'] {
  return { key: seal.publicKey, signature: seal.sign(domain, signedText(entries, hash)) };
}

/** Whether a checkpoint is the owner's word on what lies before it. */
export function isCheckpointOf(seal: LedgerSeal, entry: LedgerEntry): boolean {
  const { key, signature } = entry.detail;
  if (key !== seal.publicKey || typeof signature !== 'string') return false;
  return seal.isSigned(
    { publicKey: seal.publicKey, fingerprint: seal.fingerprint, signature },
    domain,
    signedText(entry.sequence - 1, entry.previousHash),
  );
}

const signedText = (entries: number, hash: string): string => `${entries}\n${hash}`;
