// One hub per data folder.
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { reasonOf } from '../../contract/fault.ts';
import { holdLock } from '../../disk/held-lock.ts';
import { makeFolder } from '../protocol/durable-file.ts';
import { hubFault } from './faults.ts';

export const hubLockName = 'hub.lock';

/** Keeps a second hub off the folder for as long as this process lives; the system lets go of it even after kill -9. */
export function lockHubFolder(folder: string): { release(): void } {
  try {
    makeFolder(folder);
    accessSync(folder, constants.W_OK);
  } catch (thrown) {
    throw hubFault.unusableData(folder, reasonOf(thrown));
  }
  const lock = new Database(path.join(folder, hubLockName), { timeout: 0 });
  try {
    lock.pragma('journal_mode = DELETE');
    lock.exec('BEGIN EXCLUSIVE');
  } catch {
    lock.close();
    throw hubFault.folderInUse(folder);
  }
  return { release: holdLock(lock) };
}
