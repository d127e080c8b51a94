// What the hub's rows are kept in: SQLite in its folder, or PostgreSQL for several hub processes. Every acceptance and every commit is
// one transaction that is on the disk before anyone hears of it. Statements are written once, in the SQL that both share: `?` for a
// value, column names as the schema spells them, and no text of ours inside a statement.
import { hubFault } from './faults.ts';
import { openSqliteDatabase } from './sqlite-database.ts';

export type SqlValue = string | number | null;

export interface HubStatements {
  /** Names this opening of the database; what it writes to the event log carries it. */
  readonly process: string;
  /** The first row. */
  get<Row>(sql: string, ...values: readonly SqlValue[]): Promise<Row | undefined>;
  all<Row>(sql: string, ...values: readonly SqlValue[]): Promise<Row[]>;
  /** @returns how many rows changed. */
  run(sql: string, ...values: readonly SqlValue[]): Promise<number>;
}

export interface HubDatabase extends HubStatements {
  /** Whether other hubs may work on it at the same time. */
  readonly isShared: boolean;
  /**
   * All of `work` or nothing of it. One at a time, over all processes that share the database: what `work` reads is what no other
   * transaction changes before it ends. It asks `tx` only and waits for nothing else: a statement of the database itself would
   * wait for the transaction's end.
   */
  transaction<Value>(work: (tx: HubStatements) => Promise<Value>): Promise<Value>;
  /**
   * The turn to work on what `name` says: one holder at a time, over all processes. A holder that dies, or gives no sign of life for the
   * lease, loses it without noticing, so what it writes afterwards must be refused by a number that grows with each turn (`epoch`).
   * @returns null while another one has it.
   */
  turn(name: string): Promise<Turn | null>;
  /** Calls `onChange` when another process may have written: a hint, which may be lost, late or needless. The result ends that. */
  watch(onChange: () => void): () => void;
  /** Milliseconds since 1970 by the one clock that all processes share. */
  now(): Promise<number>;
  close(): Promise<void>;
}

export interface Turn {
  end(): Promise<void>;
}

export interface DatabaseOptions {
  /** Only a database on which a hub was started once. */
  readonly mustExist: boolean;
  /** How long a holder of a turn may give no sign of life, in ms. */
  readonly leaseMs?: number | undefined;
}

/**
 * `place` is a folder, or the address of a PostgreSQL database.
 * @throws Fault 522 or 543 when it must exist and does not, 525 when a newer ImagiQ wrote it, 541 when it cannot be reached.
 */
export async function openHubDatabase(place: string, options: DatabaseOptions): Promise<HubDatabase> {
  const db = await openAt(place, options);
  if (options.mustExist && (await readSetting(db, 'url')) === null) {
    await db.close();
    throw isPostgres(place) ? hubFault.noHubInDatabase() : hubFault.noHubHere(place);
  }
  return db;
}

async function openAt(place: string, options: DatabaseOptions): Promise<HubDatabase> {
  if (!isPostgres(place)) return openSqliteDatabase(place, options);
  // Loaded only where it is used.
  const { openPostgresDatabase } = await import('./postgres-database.ts');
  return openPostgresDatabase(place, options);
}

export const isPostgres = (place: string): boolean => /^postgres(ql)?:\/\//.test(place);

export async function readSetting(db: HubStatements, key: string): Promise<string | null> {
  return (await db.get<{ value: string }>('SELECT value FROM settings WHERE key = ?', key))?.value ?? null;
}

export async function writeSetting(db: HubStatements, key: string, value: string): Promise<void> {
  await db.run('INSERT INTO settings VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value', key, value);
}
