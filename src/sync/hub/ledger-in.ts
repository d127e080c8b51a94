// The hub's ledger read from its folder or database by a second process (`imagiq ledger --data`), while the hub runs or not.
import { type HubDatabase, openHubDatabase, readSetting } from './hub-database.ts';
import { hubKeysIn } from './hub-keys.ts';
import { type HubLedger, hubSeal, openHubLedger } from './hub-ledger.ts';
import type { LedgerEntry, LedgerVerification } from '../../contract/ledger.ts';
import { countersignedHeads } from './ledger-heads.ts';

/** The latest entries that are wanted, newest first. @throws Fault 522 or 543 when no hub was ever started there. */
export function hubLedgerEntriesIn(
  folder: string,
  limit: number,
  isWanted: (entry: LedgerEntry) => boolean,
  postgres?: string,
): Promise<LedgerEntry[]> {
  return withLedger({ folder, postgres }, (ledger) => ledger.entries(limit, isWanted));
}

/**
 * Checks the whole chain, its signed checkpoints, and the heads that sites countersigned.
 * @throws Fault 522 or 543 when no hub was ever started there.
 */
export function verifyHubLedgerIn(folder: string, postgres?: string): Promise<LedgerVerification> {
  return withLedger({ folder, postgres }, async (ledger, db) => {
    const known = await countersignedHeads(db);
    return { ...(await ledger.verify(known)), witnesses: known.map(({ by, entries, at }) => ({ by, entries, at })) };
  });
}

/** The keys, which say whose signatures count, are in the folder; the rows may be in the database that several hubs share. */
async function withLedger<Value>(
  { folder, postgres }: { readonly folder: string; readonly postgres: string | undefined },
  read: (ledger: HubLedger, db: HubDatabase) => Promise<Value>,
): Promise<Value> {
  const db = await openHubDatabase(postgres ?? folder, { mustExist: true });
  try {
    const keys = hubKeysIn(folder, await readSetting(db, 'fingerprint'));
    return await read(openHubLedger(db, hubSeal(keys), Date.now), db);
  } finally {
    await db.close();
  }
}
