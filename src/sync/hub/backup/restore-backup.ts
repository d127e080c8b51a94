// A hub's folder out of a backup. It is read whole before anything is written, and nothing is written where something is.
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { copyFile, open } from 'node:fs/promises';
import path from 'node:path';
import { syncFolder } from '../../protocol/durable-file.ts';
import { openHubDatabase } from '../hub-database.ts';
import { openHubLedger } from '../hub-ledger.ts';
import { type BackupManifest, blobPath, databaseName, keysName, verifiedBackup } from './manifest.ts';
import { checkFree, makeBackupFolder } from './take-backup.ts';

/**
 * Makes the folder `to`; a hub that is started on it goes on from the moment of the backup.
 * @throws Fault 538 for a damaged backup, 539 where there is none, 544 when `to` is taken, 509 where it cannot be made.
 */
export async function restoreBackup(order: { readonly from: string; readonly to: string }): Promise<BackupManifest> {
  const to = path.resolve(order.to);
  checkFree(to);
  const manifest = await verifiedBackup(order.from);
  const beside = `${to}.${process.pid}.tmp`;
  try {
    makeBackupFolder(beside, to);
    const files = [databaseName, keysName, ...manifest.blobs.map((hash) => path.join('blobs', blobPath(hash)))];
    for (const name of files) await copyDurably(path.join(order.from, name), path.join(beside, name));
    if (existsSync(to)) rmSync(to, { recursive: true });
    renameSync(beside, to);
    syncFolder(path.dirname(to));
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
  const db = await openHubDatabase(to, { mustExist: true });
  try {
    const { takenAt, trunkVersion, acceptedUpdates } = manifest;
    await openHubLedger(db, null, Date.now).append('hub-restored', { takenAt, trunkVersion, acceptedUpdates });
  } finally {
    await db.close();
  }
  return manifest;
}

async function copyDurably(from: string, to: string): Promise<void> {
  mkdirSync(path.dirname(to), { recursive: true, mode: 0o700 });
  // Never a link: the backup stays as it is when the hub writes.
  await copyFile(from, to);
  const handle = await open(to, 'r+');
  try {
    await handle.chmod(0o600);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
