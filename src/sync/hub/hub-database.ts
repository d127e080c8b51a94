// What the hub's rows are kept in. Every acceptance and every commit is one transaction that is on the disk before anyone hears of it.
// Statements are written once, in the SQL that SQLite and PostgreSQL share: `?` for a value, column names as the schema spells them,
// and no text of ours inside a statement.
import { openSqliteDatabase } from './sqlite-database.ts';

type SqlValue = string | number | null;

export interface HubStatements {
  /** The first row. */
  get<Row>(sql: string, ...values: readonly SqlValue[]): Promise<Row | undefined>;
  all<Row>(sql: string, ...values: readonly SqlValue[]): Promise<Row[]>;
  /** @returns how many rows changed. */
  run(sql: string, ...values: readonly SqlValue[]): Promise<number>;
}

export interface HubDatabase extends HubStatements {
  /**
   * All of `work` or nothing of it. One at a time, over all processes that share the database: what `work` reads is what no other
   * transaction changes before it ends. It asks `tx` only and waits for nothing else: a statement of the database itself would
   * wait for the transaction's end.
   */
  transaction<Value>(work: (tx: HubStatements) => Promise<Value>): Promise<Value>;
  /** Calls `onChange` soon after another process has written; the result ends that. */
  watch(onChange: () => void): () => void;
  close(): Promise<void>;
}

/** @throws Fault 522 when it must exist and does not, 525 when a newer ImagiQ wrote it. */
export async function openHubDatabase(folder: string, options: { readonly mustExist: boolean }): Promise<HubDatabase> {
  return openSqliteDatabase(folder, options);
}

export async function readSetting(db: HubStatements, key: string): Promise<string | null> {
  return (await db.get<{ value: string }>('SELECT value FROM settings WHERE key = ?', key))?.value ?? null;
}

export async function writeSetting(db: HubStatements, key: string, value: string): Promise<void> {
  await db.run('INSERT INTO settings VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value', key, value);
}
