// Opens the index: one SQLite file in WAL mode, brought to the newest schema, with a backup before every migration.
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type Database from 'better-sqlite3';
import type { Preparing } from '../../contract/calls.ts';
import { Fault } from '../../contract/fault.ts';
import { openWalDatabase } from '../home/wal-database.ts';
import { type ImportCounts, libraryFaults } from './faults.ts';
import { migrations } from './schema.ts';

export type Db = Database.Database;

/**
 * Hears each step of bringing an older index to this version's form, as it begins; of a very large library one takes half a minute.
 * Nothing is lost where the process is killed in between: the steps are one transaction, after a backup.
 */
export type OnPreparing = (progress: Preparing) => void;

/**
 * Of the index in memory. A larger one saves nothing that was measured: the study list of a million instances and an import of 100,000 take
 * the same processor time with 64 MB, since the system keeps the file's pages as well.
 */
const cacheKib = 16_384;

/** @throws Fault 101 (disk full), 102 (damaged or not a database), 103 (written by a newer version). */
export function openDatabase(folder: string, onPreparing: OnPreparing = () => {}): Db {
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'library.sqlite');
  let db: Db | null = null;
  try {
    db = openWalDatabase(file);
    db.pragma('synchronous = NORMAL');
    db.pragma('foreign_keys = ON');
    db.pragma('busy_timeout = 5000');
    db.pragma(`cache_size = -${cacheKib}`);
    db.pragma('temp_store = MEMORY');
    // 64 MB of log between checkpoints: an import of new studies touches most pages of every sort order's index, and
    // each checkpoint writes them all and waits for the disk.
    db.pragma('wal_autocheckpoint = 16384');
    db.pragma('journal_size_limit = 67108864');
    migrate(db, file, onPreparing);
    return db;
  } catch (error) {
    db?.close();
    throw databaseFault(error, folder);
  }
}

/** A fault for what SQLite throws, with the `counts` of an import that it ended; anything else as it is. */
export function databaseFault(error: unknown, folder: string, counts?: ImportCounts): unknown {
  if (error instanceof Fault || !(error instanceof Error)) return error;
  const code = (error as { code?: unknown }).code;
  if (code === 'SQLITE_FULL' || code === 'ENOSPC') return libraryFaults.diskFull(folder, counts);
  if (typeof code === 'string' && /^SQLITE_(CORRUPT|NOTADB|CANTOPEN|READONLY|IOERR)/.test(code)) {
    return libraryFaults.databaseUnusable(error.message);
  }
  return error;
}

function migrate(db: Db, file: string, onPreparing: OnPreparing): void {
  const version = Number(db.pragma('user_version', { simple: true }));
  if (version > migrations.length) throw libraryFaults.databaseTooNew(version, migrations.length);
  if (version === migrations.length) return;
  const pending = migrations.slice(version);
  // The backup is a step of its own. A new index is ready at once: nobody need hear of it.
  const begin = (step: number): void => {
    if (version > 0) onPreparing({ step, steps: pending.length + 1 });
  };
  if (version > 0) {
    begin(1);
    const backup = `${file}.before-${migrations.length}`;
    if (existsSync(backup)) rmSync(backup);
    db.prepare('VACUUM INTO ?').run(backup);
  }
  db.transaction(() => {
    for (const [index, statement] of pending.entries()) {
      begin(index + 2);
      db.exec(statement);
    }
    db.pragma(`user_version = ${migrations.length}`);
  })();
}
