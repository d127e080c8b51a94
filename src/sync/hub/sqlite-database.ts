// The hub's rows in one file of its folder: the default. The only other process that may have it open is a command of the coordinator.
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { makeFolder } from '../protocol/durable-file.ts';
import { hubFault } from './faults.ts';
import type { DatabaseOptions, HubDatabase, HubStatements } from './hub-database.ts';
import { hubLockName } from './hub-folder-lock.ts';
import { migrations } from './hub-schema.ts';

/** A disk that may not be written, or a file that is no database (any more). */
const unusable = ['SQLITE_READONLY', 'SQLITE_CANTOPEN', 'SQLITE_CORRUPT', 'SQLITE_NOTADB', 'SQLITE_IOERR'];

/** How often a running hub looks whether another process changed its database. */
const noticeMs = 250;

/** @throws Fault 522 when it must exist and does not, 525 when a newer ImagiQ wrote it, 549 when it is damaged or may not be written. */
export function openSqliteDatabase(folder: string, options: DatabaseOptions): HubDatabase {
  // A wrong word for where a hub is leaves no folder behind.
  if (!options.mustExist) makeFolder(folder);
  let db: Database.Database;
  try {
    db = new Database(path.join(folder, 'hub.sqlite'), { fileMustExist: options.mustExist, timeout: 10_000 });
  } catch (thrown) {
    if (options.mustExist)
      throw hubFault.noHubHere(folder, { areRowsElsewhere: existsSync(path.join(folder, hubLockName)) });
    throw thrown;
  }
  try {
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    db.transaction(() => {
      const version = db.pragma('user_version', { simple: true }) as number;
      if (version > migrations.length) throw hubFault.newerDatabase(version);
      for (const migration of migrations.slice(version)) db.exec(migration);
      db.pragma(`user_version = ${migrations.length}`);
    }).immediate();
  } catch (thrown) {
    // Left open it would keep what it saw of the disk: a second try in this process would fail where a first one would not.
    db.close();
    if (thrown instanceof Database.SqliteError && unusable.some((code) => thrown.code.startsWith(code)))
      throw hubFault.unusableData(folder, thrown.message);
    throw thrown;
  }

  const prepared = new Map<string, Database.Statement>();
  const statement = (sql: string): Database.Statement => {
    const known = prepared.get(sql) ?? db.prepare(sql);
    prepared.set(sql, known);
    return known;
  };
  const process = randomUUID();
  const tx: HubStatements = {
    process,
    get: async <Row>(sql: string, ...values: readonly unknown[]) => statement(sql).get(...values) as Row | undefined,
    all: async <Row>(sql: string, ...values: readonly unknown[]) => statement(sql).all(...values) as Row[],
    run: async (sql, ...values) => statement(sql).run(...values).changes,
  };
  /** Settles when the transactions that are open or wait have ended; null when there are none. There is one connection for all. */
  let transactions: Promise<void> | null = null;
  const afterTransactions = async <Value>(act: () => Promise<Value>): Promise<Value> => {
    if (transactions === null) return act();
    await transactions;
    return afterTransactions(act);
  };
  const inTransaction = async <Value>(work: (tx: HubStatements) => Promise<Value>): Promise<Value> => {
    db.exec('BEGIN IMMEDIATE');
    try {
      const value = await work(tx);
      db.exec('COMMIT');
      return value;
    } catch (thrown) {
      if (db.inTransaction) db.exec('ROLLBACK');
      throw thrown;
    }
  };

  const turns = new Set<string>();
  return {
    process,
    isShared: false,
    get: (sql, ...values) => afterTransactions(() => tx.get(sql, ...values)),
    all: (sql, ...values) => afterTransactions(() => tx.all(sql, ...values)),
    run: (sql, ...values) => afterTransactions(() => tx.run(sql, ...values)),
    transaction(work) {
      const done = (transactions ?? Promise.resolve()).then(() => inTransaction(work));
      // The caller hears of a failure through `done`.
      const settled: Promise<void> = done.then(
        () => release(),
        () => release(),
      );
      const release = (): void => {
        if (transactions === settled) transactions = null;
      };
      transactions = settled;
      return done;
    },
    async turn(name) {
      // One hub per folder: nobody else asks.
      if (turns.has(name)) return null;
      turns.add(name);
      return {
        async end() {
          turns.delete(name);
        },
      };
    },
    watch(onChange) {
      // Changes by commits of other connections only.
      const version = (): unknown => db.pragma('data_version', { simple: true });
      let seen = version();
      const look = (): void => {
        const now = version();
        if (now === seen) return;
        seen = now;
        onChange();
      };
      const timer = setInterval(() => {
        try {
          look();
        } catch {
          // Of a disk that gives nothing now the next look hears; whoever asks it for something is told.
        }
      }, noticeMs).unref();
      return () => clearInterval(timer);
    },
    now: async () => Date.now(),
    close: () =>
      afterTransactions(async () => {
        db.close();
      }),
  };
}
