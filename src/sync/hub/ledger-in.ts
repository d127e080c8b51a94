// The hub's ledger read from its folder by a second process (`imagiq ledger --data`), while the hub runs or not.
import type { LedgerEntry } from '../../contract/federation.ts';
import { openHubDatabase, readSetting } from './hub-database.ts';
import { hubKeysIn } from './hub-keys.ts';
import { type HubLedger, hubSeal, openHubLedger } from './hub-ledger.ts';
import type { Verification } from '../../ledger/ledger.ts';

/** The latest entries that are wanted, newest first. @throws Fault 522 when no hub was ever started there. */
export function hubLedgerEntriesIn(
  folder: string,
  limit: number,
  isWanted: (entry: LedgerEntry) => boolean,
): Promise<LedgerEntry[]> {
  return withLedger(folder, (ledger) => ledger.entries(limit, isWanted));
}

/** Checks the whole chain and its signed checkpoints. @throws Fault 522 when no hub was ever started there. */
export function verifyHubLedgerIn(folder: string): Promise<Verification> {
  return withLedger(folder, (ledger) => ledger.verify());
}

async function withLedger<Value>(folder: string, read: (ledger: HubLedger) => Promise<Value>): Promise<Value> {
  const db = await openHubDatabase(folder, { mustExist: true });
  try {
    const keys = hubKeysIn(folder, await readSetting(db, 'fingerprint'));
    return await read(openHubLedger(db, hubSeal(keys), Date.now));
  } finally {
    await db.close();
  }
}
