// What a backup says of itself, and the check that it is whole. A folder: hub.sqlite, hub-keys.json, blobs/ and backup.json.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import Database from 'better-sqlite3';
import { z } from 'zod';
import { reasonOf } from '../../../contract/fault.ts';
import { openChainCheck } from '../../../ledger/chain-check.ts';
import type { LedgerHead, Verification } from '../../../ledger/ledger.ts';
import { decodeDeviceKeys } from '../../protocol/device-keys.ts';
import { parseJson } from '../../protocol/statement.ts';
import { hashSchema } from '../../protocol/statement-fields.ts';
import { hubFault } from '../faults.ts';
import { hubSeal } from '../hub-ledger.ts';
import { countersignedRows } from '../ledger-heads.ts';
import { neededBlobs } from '../trunk-store.ts';

export const databaseName = 'hub.sqlite';
export const keysName = 'hub-keys.json';
export const manifestName = 'backup.json';

const manifestSchema = z.object({
  format: z.literal(1),
  takenAt: z.string().max(40),
  federation: z.string().max(100),
  /** SHA-256 of the hub's public key. */
  fingerprint: hashSchema,
  members: z.number().int().min(0),
  acceptedUpdates: z.number().int().min(0),
  /** Null without a project. */
  trunkVersion: z.number().int().min(0).nullable(),
  files: z.object({ [databaseName]: hashSchema, [keysName]: hashSchema }),
  blobs: z.array(hashSchema),
  bytes: z.number().int().min(0),
});

/** What a backup says of itself, and whether the ledger in it is as it was written: looked through each time, and not believed. */
export type BackupManifest = z.infer<typeof manifestSchema> & { readonly ledger: Verification };

/** Where a blob lies below a folder of blobs (protocol/blob-folder.ts). */
export const blobPath = (hash: string): string => path.join(hash.slice(0, 2), hash);

export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

type Snapshot = Omit<BackupManifest, 'format' | 'takenAt' | 'files' | 'bytes'>;

/**
 * What the rows of the hub's database in a folder name, how far it had come, and whether its ledger is as it was written.
 * @throws Fault 538 when SQLite finds it damaged, or the keys beside it are of another hub.
 */
export function readSnapshot(folder: string): Snapshot {
  const keys = decodeDeviceKeys(readFileSync(path.join(folder, keysName)));
  let db: Database.Database | undefined;
  try {
    db = new Database(path.join(folder, databaseName), { readonly: true, fileMustExist: true });
    const verdict = db.pragma('integrity_check', { simple: true });
    if (verdict !== 'ok') throw hubFault.damagedBackup(`its database is: ${String(verdict).slice(0, 200)}`);
    const value = <T>(sql: string): T => db!.prepare<[], T>(sql).pluck().get() as T;
    const setting = (key: string): string => value<string>(`SELECT value FROM settings WHERE key = '${key}'`);
    const fingerprint = setting('fingerprint');
    if (keys.fingerprint !== fingerprint) throw hubFault.damagedBackup('its keys are of another hub');
    const chain = openChainCheck(hubSeal(keys), db.prepare<[], LedgerHead>(countersignedRows).all());
    for (const line of db.prepare<[], string>('SELECT line FROM ledger ORDER BY sequence').pluck().iterate()) {
      chain.take(line);
    }
    return {
      ledger: chain.verification(),
      federation: setting('federation'),
      fingerprint,
      members: value("SELECT count(*) FROM members WHERE state = 'member'"),
      acceptedUpdates: value('SELECT count(*) FROM updates'),
      trunkVersion: value(
        "SELECT max(version) FROM trunk WHERE projectHash = (SELECT value FROM settings WHERE key = 'project')",
      ),
      blobs: db.prepare<[], string>(`SELECT DISTINCT blob FROM ${neededBlobs} WHERE blob IS NOT NULL`).pluck().all(),
    };
  } catch (thrown) {
    if (thrown instanceof Database.SqliteError) throw hubFault.damagedBackup(`its database is: ${thrown.message}`);
    throw thrown;
  } finally {
    db?.close();
  }
}

/** Reads every byte. @throws Fault 538 when anything lacks or differs. */
export async function verifiedBackup(folder: string): Promise<BackupManifest> {
  const manifest = readManifest(folder);
  for (const [name, wanted] of Object.entries(manifest.files)) await checkFile(path.join(folder, name), wanted, name);
  for (const hash of manifest.blobs) {
    await checkFile(path.join(folder, 'blobs', blobPath(hash)), hash, `blob ${hash.slice(0, 16)}`);
  }
  const { blobs, ledger } = readSnapshot(folder);
  const kept = new Set(manifest.blobs);
  if (blobs.some((hash) => !kept.has(hash))) throw hubFault.damagedBackup('it lacks blobs that its rows name');
  return { ...manifest, ledger };
}

function readManifest(folder: string): z.infer<typeof manifestSchema> {
  const file = path.join(folder, manifestName);
  if (!existsSync(file)) throw hubFault.noBackup(folder);
  const manifest = manifestSchema.safeParse(parseJson(readFileSync(file, 'utf8')));
  if (!manifest.success) throw hubFault.damagedBackup(`its ${manifestName} cannot be read`);
  return manifest.data;
}

async function checkFile(file: string, wanted: string, name: string): Promise<void> {
  let found: string | null;
  try {
    found = (await stat(file)).isFile() ? await sha256Of(file) : null;
  } catch (thrown) {
    throw hubFault.damagedBackup(`${name} cannot be read (${reasonOf(thrown)})`);
  }
  if (found === null) throw hubFault.damagedBackup(`${name} is no file`);
  if (found !== wanted) throw hubFault.damagedBackup(`${name} has other bytes`);
}
