// SQLite in WAL mode, also where the disk is full: what is there can still be looked up.
import Database from 'better-sqlite3';

/** Of a database in memory: better-sqlite3's own 16 MB, in each of several that are open, is what a cohort of very many images would grow by. */
const cacheKib = 4_096;

/**
 * Opens or makes a database. In WAL mode its users share an index, a file beside it; where the disk has no room for that, the index is
 * held in memory and the database is this connection's alone: reading goes on, and writing says that the disk is full.
 * @throws what SQLite throws
 */
export function openWalDatabase(file: string): Database.Database {
  const shared = new Database(file);
  try {
    shared.pragma('journal_mode = WAL');
    return withCache(shared);
  } catch (error) {
    shared.close();
    if (!lacksRoom(error)) throw error;
  }
  const alone = new Database(file);
  try {
    alone.pragma('locking_mode = EXCLUSIVE');
    alone.pragma('journal_mode = WAL');
    return withCache(alone);
  } catch (error) {
    alone.close();
    throw error;
  }
}

/** Not before the mode is set: the pragma reads the schema, and with it the index of the log. */
function withCache(db: Database.Database): Database.Database {
  db.pragma(`cache_size = -${cacheKib}`);
  return db;
}

function lacksRoom(error: unknown): boolean {
  return error instanceof Database.SqliteError && ['SQLITE_IOERR_SHMSIZE', 'SQLITE_FULL'].includes(error.code);
}
