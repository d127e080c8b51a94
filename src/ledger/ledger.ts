// What a ledger is, wherever it is kept: a file at a site (file-ledger.ts), rows at a hub.
import type { LedgerEntry } from '../contract/ledger.ts';

/** A position in a ledger: how many entries it has, and the hash of the last of them. */
export interface LedgerHead {
  readonly entries: number;
  /** 64 zeros before the first entry. */
  readonly hash: string;
}

/** What a check of the whole ledger found. */
export interface Verification {
  readonly verified: boolean;
  /** Number of the first entry (from 1) that is not as it was written; null when all are. */
  readonly firstBroken: number | null;
  /** What is wrong there, for a person. */
  readonly reason: string | null;
  readonly entries: number;
  /** Signed checkpoints that hold. */
  readonly checkpoints: number;
  /** How many entries the last of them covers: those behind it are chained and not signed yet. */
  readonly signedEntries: number;
}

export interface Ledger {
  /**
   * Enters an act; when this returns, the entry is on the disk. `detail` holds hashes, counts and names of cohorts,
   * projects and sites, never of patients.
   * @throws Fault 641 when it cannot be written (what must not happen unrecorded must then not happen), 642 when it is beyond 64 KiB.
   */
  append(act: string, detail: LedgerEntry['detail']): LedgerEntry;
  /** The latest entries that are wanted, newest first. */
  entries(limit: number, isWanted?: (entry: LedgerEntry) => boolean): LedgerEntry[];
  /** Recomputes the whole chain from what is stored. `known` are heads that others countersigned: each must be in it. */
  verify(known?: readonly LedgerHead[]): Verification;
  head(): LedgerHead;
  /** Hash of the entry with this number (from 1); null where there is none. */
  hashAt(sequence: number): string | null;
  /** Signs what was entered since the last checkpoint. @returns whether there was anything. */
  checkpoint(): boolean;
}
