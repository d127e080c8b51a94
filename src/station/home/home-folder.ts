// The one folder that holds everything of a station. One process at a time may own it.
import { systemReason } from '../../contract/system-reason.ts';
import { readFileSync, statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import Database from 'better-sqlite3';
import { holdLock } from '../../disk/held-lock.ts';
import { makeFolder, writeFileDurably } from './durable-file.ts';
import { isDiskFull, stationFault } from '../faults.ts';

export interface HomeFolder {
  readonly folder: string;
  readonly blobs: string;
  readonly runs: string;
  readonly federations: string;
  readonly practice: string;
  /** Key of this site's patient pseudonyms; it never leaves the folder. 32 bytes. */
  readonly pseudonymKey: Uint8Array;
  freeBytes(): number;
  /** Gives the folder free for another process. */
  close(): void;
}

/**
 * Opens (or makes) a home folder and takes its lock.
 * @throws Fault 601 when another live process has it, 602 when it cannot be written, 614 when its key is damaged.
 */
export function openHomeFolder(folder: string): HomeFolder {
  const inside = (...names: string[]): string => path.join(folder, ...names);
  try {
    makeFolder(folder);
    for (const name of ['blobs', 'runs', 'federations', 'practice', 'keys']) {
      makeFolder(inside(name));
    }
  } catch (error) {
    throw stationFault.homeUnusable(folder, describe(error));
  }
  const release = takeLock(folder);
  let pseudonymKey: Uint8Array;
  try {
    pseudonymKey = readOrMakeKey(inside('keys', 'pseudonym.key'));
  } catch (error) {
    release();
    throw error;
  }
  return {
    folder,
    blobs: inside('blobs'),
    runs: inside('runs'),
    federations: inside('federations'),
    practice: inside('practice'),
    pseudonymKey,
    freeBytes: () => {
      const status = statfsSync(folder);
      return status.bavail * status.bsize;
    },
    close: release,
  };
}

/**
 * Keeps a second process off the folder for as long as this one lives: the system lets go of the database's lock even after
 * kill -9, which a file with a process number does not survive (numbers come back, and two may find it dead at once).
 */
function takeLock(folder: string): () => void {
  const owner = path.join(folder, 'home.owner');
  let lock: Database.Database | undefined;
  try {
    lock = new Database(path.join(folder, 'home.lock'), { timeout: 0 });
    // Nothing is ever written: a journal on the disk would need room there, and with a full one nothing could be looked up.
    lock.pragma('journal_mode = MEMORY');
    lock.exec('BEGIN EXCLUSIVE');
    tellOwner(owner);
  } catch (error) {
    lock?.close();
    if (isBusy(error)) throw stationFault.homeInUse(readOwner(owner));
    throw stationFault.homeUnusable(folder, describe(error));
  }
  return holdLock(lock);
}

/** Only for the message that a second process shows: without room on the disk it says that it does not know. */
function tellOwner(file: string): void {
  try {
    writeFileSync(file, String(process.pid), { mode: 0o600 });
  } catch (error) {
    if (!isDiskFull(error)) throw error;
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');
}

function readOwner(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim().slice(0, 12) || 'unknown';
  } catch {
    return 'unknown';
  }
}

/** A damaged key is not replaced: with another one every patient would become a new one, and change splits. */
function readOrMakeKey(file: string): Uint8Array {
  try {
    const key = readFileSync(file);
    if (key.length !== 32) throw stationFault.keyDamaged(file);
    return key;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const key = randomBytes(32);
  writeFileDurably(file, key, 0o600);
  return key;
}

function describe(error: unknown): string {
  const { code, syscall } = error as { code?: unknown; syscall?: unknown };
  // The folder that cannot be made is no folder that does not exist.
  if (code === 'ENOENT' && syscall === 'mkdir') return 'no folder can be made there';
  if (typeof syscall === 'string') return systemReason(code);
  if (typeof code === 'string' && /^SQLITE_(CANTOPEN|READONLY|PERM)/.test(code)) return 'permission denied';
  return error instanceof Error ? error.message : String(error);
}
