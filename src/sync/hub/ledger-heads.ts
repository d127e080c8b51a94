// How far the sites' ledgers had come when they last said so, and how far the hub's own had come when a site countersigned it.
import type { LedgerHead } from '../../ledger/ledger.ts';
import type { DeviceKeys } from '../protocol/device-keys.ts';
import { wireFault } from '../protocol/faults.ts';
import { readStatement, signStatement, type Signed } from '../protocol/statement.ts';
import type { HubDatabase, HubStatements } from './hub-database.ts';
import type { HubLedger } from './hub-ledger.ts';
import type { AdmittedSite } from './members.ts';

interface HeadRow {
  readonly entries: number;
  readonly hash: string;
  readonly statement: string;
  readonly signature: string;
}

export interface WitnessedHeads {
  /** The hub's countersignature; null where what the site says contradicts what it said before. */
  readonly witness: Signed | null;
  /** The one before. */
  readonly remembered: Signed | null;
  /** The hub's own head. */
  readonly head: Signed;
  /** The hub's own head as it is at the number that the site countersigned last; null where there is none. */
  readonly through: Signed | null;
}

interface HeadsOrder {
  readonly db: HubDatabase;
  readonly ledger: HubLedger;
  readonly keys: DeviceKeys;
  readonly now: string;
}

/**
 * Takes a site's head and its countersignature. @throws Fault 403 for a signature that does not fit, or a countersignature of another ledger
 * than this hub's.
 */
export async function exchangeHeads(
  order: HeadsOrder,
  site: AdmittedSite,
  said: { readonly head: Signed; readonly witness: Signed | null },
): Promise<WitnessedHeads> {
  const { db, ledger, keys, now } = order;
  const { entries, hash } = readStatement('ledger-head', said.head, site.publicKey);
  const before = await db.get<HeadRow>(
    "SELECT entries, hash, statement, signature FROM heads WHERE site = ? AND whose = 'site'",
    site.fingerprint,
  );
  const remembered = before === undefined ? null : { statement: before.statement, signature: before.signature };
  const isContradicted =
    before !== undefined && (entries < before.entries || (entries === before.entries && hash !== before.hash));
  let witness: Signed | null = null;
  if (isContradicted) {
    const reason = `it had ${before.entries} entries before and has ${entries} other ones now`;
    await ledger.append('ledger-contradicted', { site: site.site, device: site.fingerprint, reason });
  } else {
    const { fingerprint: owner } = site;
    witness = signStatement('ledger-witness', { witness: keys.fingerprint, owner, entries, hash, at: now }, keys);
    await keep(db, site, 'site', { entries, hash, ...witness });
  }
  const own = await ledger.head();
  const signedHead = (at: LedgerHead): Signed =>
    signStatement('ledger-head', { owner: keys.fingerprint, ...at, at: now }, keys);
  const through = said.witness === null ? null : await takeWitness(order, site, said.witness);
  return { witness, remembered, head: signedHead(own), through: through && signedHead(through) };
}

/**
 * A site's word on this hub's ledger: kept while the ledger leads through it, entered as a contradiction where it does not.
 * @returns what is here at that number.
 */
async function takeWitness(order: HeadsOrder, site: AdmittedSite, signed: Signed): Promise<LedgerHead | null> {
  const { db, ledger, keys } = order;
  const { owner, entries, hash } = readStatement('ledger-witness', signed, site.publicKey);
  if (owner !== keys.fingerprint) throw wireFault.badSignature('countersignature');
  const here = await ledger.hashAt(entries);
  if (here === hash) {
    await keep(db, site, 'hub', { entries, hash, ...signed });
    return { entries, hash };
  }
  const reason = `${site.site} countersigned ${entries} entries of this ledger, and they are not the ones that are here`;
  await ledger.append('ledger-contradicted', { site: site.site, device: site.fingerprint, reason });
  return here === null ? null : { entries, hash: here };
}

async function keep(db: HubDatabase, site: AdmittedSite, whose: 'site' | 'hub', row: HeadRow): Promise<void> {
  await db.run(
    `INSERT INTO heads VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (site, whose) DO UPDATE SET entries = excluded.entries,
     hash = excluded.hash, statement = excluded.statement, signature = excluded.signature`,
    site.fingerprint,
    whose,
    row.entries,
    row.hash,
    row.statement,
    row.signature,
  );
}

/** Rows of heads of the hub's ledger that sites countersigned. */
export const countersignedRows = `SELECT members.site AS site, entries, hash, statement, signature FROM heads
  JOIN members ON members.fingerprint = heads.site WHERE whose = 'hub'`;

/** Heads of the hub's ledger that sites countersigned. */
export async function countersignedHeads(
  db: HubStatements,
): Promise<readonly (LedgerHead & { readonly by: string; readonly at: string })[]> {
  const rows = await db.all<HeadRow & { readonly site: string }>(countersignedRows);
  return rows.map(({ site, entries, hash, statement }) => ({
    by: site,
    entries,
    hash,
    at: (JSON.parse(statement) as { at: string }).at,
  }));
}
