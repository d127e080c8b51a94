// SQLite in WAL mode, also where the disk is full: what is there can still be looked up.
import Database from 'better-sqlite3';

/**
 * Opens or makes a database. In WAL mode its users share an index, a file beside it; where the disk has no room for that, the index is
 * held in memory and the database is this connection's alone: reading goes on, and writing says that the disk is full.
 * @throws what SQLite throws
 */
export function openWalDatabase(file: string): Database.Database {
  const shared = new Database(file);
  try {
    shared.pragma('journal_mode = WAL');
    return shared;
  } catch (error) {
    shared.close();
    if (!lacksRoom(error)) throw error;
  }
  const alone = new Database(file);
  try {
    alone.pragma('locking_mode = EXCLUSIVE');
    alone.pragma('journal_mode = WAL');
    return alone;
  } catch (error) {
    alone.close();
    throw error;
  }
}

function lacksRoom(error: unknown): boolean {
  return error instanceof Database.SqliteError && ['SQLITE_IOERR_SHMSIZE', 'SQLITE_FULL'].includes(error.code);
}
