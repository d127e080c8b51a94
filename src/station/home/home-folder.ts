// The one folder that holds everything of a station. One process at a time may own it.
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, statfsSync, writeSync, closeSync } from 'node:fs';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { writeFileDurably } from './durable-file.ts';
import { stationFault } from '../faults.ts';

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
 * @throws Fault 601 when another live process has it, 602 when it cannot be written.
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
  const release = takeLock(inside('lock'), folder);
  return {
    folder,
    blobs: inside('blobs'),
    runs: inside('runs'),
    federations: inside('federations'),
    practice: inside('practice'),
    pseudonymKey: readOrMakeKey(inside('keys', 'pseudonym.key')),
    freeBytes: () => {
      const status = statfsSync(folder);
      return status.bavail * status.bsize;
    },
    close: release,
  };
}

/**
 * Makes a folder and its missing parents, one level at a time: Node's recursive mkdir never returns where the parent
 * exists but cannot hold folders (as under /proc).
 */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(path.dirname(folder));
  mkdirSync(folder, { mode: 0o700 });
}

function takeLock(file: string, folder: string): () => void {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      const handle = openSync(file, 'wx', 0o600);
      writeSync(handle, String(process.pid));
      closeSync(handle);
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw stationFault.homeUnusable(folder, describe(error));
      const owner = Number(readFileSync(file, 'utf8'));
      // A lock without a live owner is left from a killed process.
      if (owner !== process.pid && isAlive(owner)) throw stationFault.homeInUse(owner);
      rmSync(file, { force: true });
    }
  }
  throw stationFault.homeUnusable(folder, 'its lock file keeps coming back');
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function readOrMakeKey(file: string): Uint8Array {
  try {
    const key = readFileSync(file);
    if (key.length === 32) return key;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const key = randomBytes(32);
  writeFileDurably(file, key, 0o600);
  return key;
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
