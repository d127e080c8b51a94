// A backup of a hub, taken from a second process while the hub runs or not: one moment of its rows, and every blob that they name.
import { chmodSync, constants, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { copyFile, link } from 'node:fs/promises';
import path from 'node:path';
import Database from 'better-sqlite3';
import { reasonOf } from '../../../contract/fault.ts';
import { makeFolder, syncFolder, writeFileDurably } from '../../protocol/durable-file.ts';
import { hubFault } from '../faults.ts';
import { openHubDatabase } from '../hub-database.ts';
import { openHubLedger } from '../hub-ledger.ts';
import {
  type BackupManifest,
  blobPath,
  databaseName,
  keysName,
  manifestName,
  readSnapshot,
  sha256Of,
  verifiedBackup,
} from './manifest.ts';

/** A hub throws blobs away while they are gathered; then the rows are read anew. */
const attempts = 8;

/**
 * Writes the backup beside `to` and renames it when it has been read back whole. One whose ledger was changed on the disk is taken all the
 * same, for it may be the last that this disk gives; the caller says so (`ledger`).
 * @throws Fault 522 where no hub was ever started, 538 when the hub's own bytes are damaged, 544 when `to` is taken, 545 when the hub
 * changes too quickly, 509 where nothing can be written.
 */
export async function takeBackup(order: {
  readonly folder: string;
  /** Where the hub keeps its blobs, unless in its folder. */
  readonly blobs?: string | undefined;
  readonly to: string;
}): Promise<BackupManifest> {
  const { folder } = order;
  const to = path.resolve(order.to);
  const blobs = order.blobs ?? path.join(folder, 'blobs');
  const db = await openHubDatabase(folder, { mustExist: true });
  const beside = `${to}.${process.pid}.tmp`;
  try {
    checkFree(to);
    makeBackupFolder(path.join(beside, 'blobs'), to);
    await copyFile(path.join(folder, keysName), path.join(beside, keysName));
    chmodSync(path.join(beside, keysName), 0o600);
    const snapshot = await gather({ folder, blobs, beside });
    const file = (name: string): string => path.join(beside, name);
    const manifest: BackupManifest = {
      format: 1,
      takenAt: new Date().toISOString(),
      ...snapshot,
      files: { [databaseName]: await sha256Of(file(databaseName)), [keysName]: await sha256Of(file(keysName)) },
      bytes: [databaseName, ...snapshot.blobs.map((hash) => path.join('blobs', blobPath(hash)))].reduce(
        (sum, name) => sum + statSync(file(name)).size,
        0,
      ),
    };
    writeFileDurably(file(manifestName), JSON.stringify(manifest, null, 1));
    await verifiedBackup(beside);
    if (existsSync(to)) rmSync(to, { recursive: true });
    renameSync(beside, to);
    syncFolder(path.dirname(to));
    const { takenAt, trunkVersion, acceptedUpdates, bytes } = manifest;
    await openHubLedger(db, null, Date.now).append('backup-taken', { takenAt, trunkVersion, acceptedUpdates, bytes });
    return manifest;
  } finally {
    rmSync(beside, { recursive: true, force: true });
    await db.close();
  }
}

/** @throws Fault 509 where it cannot be made. */
export function makeBackupFolder(folder: string, to: string): void {
  try {
    makeFolder(folder);
  } catch (thrown) {
    throw hubFault.unusablePlace(to, reasonOf(thrown));
  }
}

/** @throws Fault 544 for anything but a place where nothing is, or an empty folder. */
export function checkFree(to: string): void {
  if (existsSync(to) && !(statSync(to).isDirectory() && readdirSync(to).length === 0)) throw hubFault.placeTaken(to);
}

async function gather(order: {
  readonly folder: string;
  readonly blobs: string;
  readonly beside: string;
}): Promise<ReturnType<typeof readSnapshot>> {
  const target = path.join(order.beside, 'blobs');
  const gathered = new Set<string>();
  const take = async (hash: string): Promise<void> => {
    if (gathered.has(hash)) return;
    if (await copied(path.join(order.blobs, blobPath(hash)), path.join(target, blobPath(hash)))) gathered.add(hash);
  };
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    // Before the rows: what they name was there already, unless it came in between and is there afterwards.
    for (const hash of storedBlobs(order.blobs)) await take(hash);
    await copyDatabase(path.join(order.folder, databaseName), path.join(order.beside, databaseName));
    const snapshot = readSnapshot(order.beside);
    for (const hash of snapshot.blobs) await take(hash);
    if (snapshot.blobs.some((hash) => !gathered.has(hash))) continue;
    const needed = new Set(snapshot.blobs);
    for (const hash of gathered) if (!needed.has(hash)) rmSync(path.join(target, blobPath(hash)));
    return snapshot;
  }
  throw hubFault.changesTooQuickly();
}

function storedBlobs(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /^[0-9a-f]{64}$/.test(entry.name) && !entry.parentPath.endsWith('unfinished'))
    .map(({ name }) => name);
}

/** A second name for the same bytes where the file system allows it: blobs never change. @returns false when it is gone. */
async function copied(from: string, to: string): Promise<boolean> {
  mkdirSync(path.dirname(to), { recursive: true, mode: 0o700 });
  try {
    await link(from, to);
    return true;
  } catch (thrown) {
    if (isGone(thrown)) return false;
  }
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE);
    return true;
  } catch (thrown) {
    if (isGone(thrown)) return false;
    throw thrown;
  }
}

const isGone = (thrown: unknown): boolean => thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';

/** SQLite's own backup: one moment of a database that others write meanwhile. */
async function copyDatabase(from: string, to: string): Promise<void> {
  rmSync(to, { force: true });
  const source = new Database(from, { readonly: true, fileMustExist: true, timeout: 10_000 });
  try {
    // All pages at one go: in steps it would begin again with each thing that the hub writes.
    await source.backup(to, { progress: ({ remainingPages }) => remainingPages + 1 });
  } finally {
    source.close();
  }
  const copy = new Database(to);
  // One file, without a write-ahead log beside it.
  copy.pragma('journal_mode = DELETE');
  copy.close();
  chmodSync(to, 0o600);
}
