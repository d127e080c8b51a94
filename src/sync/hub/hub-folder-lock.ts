// One hub per data folder.
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { reasonOf } from '../../contract/fault.ts';
import { holdLock } from '../../disk/held-lock.ts';
import { makeFolder } from '../protocol/durable-file.ts';
import { hubFault } from './faults.ts';

export const hubLockName = 'hub.lock';

/**
 * Keeps a second hub off the folder for as long as this process lives; the system lets go of it even after kill -9.
 * @throws Fault 520 when another has it, 549 when it cannot be used
 */
export function lockHubFolder(folder: string): { release(): void } {
  try {
    makeFolder(folder);
    accessSync(folder, constants.W_OK);
  } catch (thrown) {
    throw hubFault.unusableData(folder, reasonOf(thrown));
  }
  let lock: Database.Database | undefined;
  try {
    lock = new Database(path.join(folder, hubLockName), { timeout: 0 });
    lock.pragma('journal_mode = DELETE');
    lock.exec('BEGIN EXCLUSIVE');
  } catch (thrown) {
    lock?.close();
    const isBusy = thrown instanceof Database.SqliteError && thrown.code.startsWith('SQLITE_BUSY');
    throw isBusy ? hubFault.folderInUse(folder) : hubFault.unusableData(folder, `${hubLockName}: ${reasonOf(thrown)}`);
  }
  return { release: holdLock(lock) };
}
