// The hub's SQLite: every acceptance and every commit is one transaction that is on the disk before anyone hears of it.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { hubFault } from './faults.ts';

export type HubDatabase = Database.Database;

/** Each step brings a folder one version on; they are never changed, only added to. */
const migrations = [
  `
  CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE invites (
    codeHash TEXT PRIMARY KEY, federation TEXT NOT NULL, createdAt TEXT NOT NULL, expiresAt TEXT NOT NULL, usedBy TEXT
  ) STRICT;
  CREATE TABLE members (
    fingerprint TEXT PRIMARY KEY, site TEXT NOT NULL, publicKey TEXT NOT NULL,
    cardStatement TEXT NOT NULL, cardSignature TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('member', 'left', 'revoked')), enrolledAt TEXT NOT NULL, lastSeen TEXT
  ) STRICT;
  CREATE UNIQUE INDEX memberNames ON members (site) WHERE state = 'member';
  CREATE TABLE projects (
    projectHash TEXT PRIMARY KEY, project TEXT NOT NULL, createdAt TEXT NOT NULL, finishedAt TEXT
  ) STRICT;
  CREATE TABLE trunk (
    projectHash TEXT NOT NULL REFERENCES projects, version INTEGER NOT NULL, blob TEXT NOT NULL,
    statement TEXT NOT NULL, signature TEXT NOT NULL, PRIMARY KEY (projectHash, version)
  ) STRICT;
  CREATE INDEX trunkBlobs ON trunk (blob);
  CREATE TABLE updates (
    number INTEGER PRIMARY KEY AUTOINCREMENT, idempotencyKey TEXT NOT NULL UNIQUE,
    projectHash TEXT NOT NULL REFERENCES projects, site TEXT NOT NULL REFERENCES members,
    baseVersion INTEGER NOT NULL, blob TEXT NOT NULL, examples INTEGER NOT NULL,
    statement TEXT NOT NULL, signature TEXT NOT NULL, receiptStatement TEXT NOT NULL, receiptSignature TEXT NOT NULL,
    acceptedAt TEXT NOT NULL, committedVersion INTEGER
  ) STRICT;
  CREATE INDEX bufferedUpdates ON updates (projectHash, number) WHERE committedVersion IS NULL;
  CREATE INDEX updatesBySite ON updates (site);
  CREATE TABLE models (
    number INTEGER PRIMARY KEY AUTOINCREMENT, model TEXT NOT NULL, author TEXT NOT NULL REFERENCES members,
    statement TEXT NOT NULL, signature TEXT NOT NULL, sealedBlob TEXT NOT NULL, UNIQUE (author, model)
  ) STRICT;
  CREATE TABLE envelopes (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, modelNumber INTEGER NOT NULL REFERENCES models,
    recipient TEXT NOT NULL, sealedKey TEXT NOT NULL, UNIQUE (modelNumber, recipient)
  ) STRICT;
  `,
  // The server optimiser's state belongs to the newest trunk version of its project and changes with it. `endedBecause` is what the
  // coordinator told a site that was revoked or expelled: one that left by itself has none.
  `
  ALTER TABLE projects ADD COLUMN optimizerBlob TEXT;
  ALTER TABLE members ADD COLUMN endedBecause TEXT;
  `,
] as const;

/** Opens the database for this process; a second process (`imagiq invite`) may have it open too. */
export function openHubDatabase(folder: string, options: { readonly mustExist: boolean }): HubDatabase {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  let db: HubDatabase;
  try {
    db = new Database(path.join(folder, 'hub.sqlite'), { fileMustExist: options.mustExist, timeout: 10_000 });
  } catch (thrown) {
    if (options.mustExist) throw hubFault.noHubHere(folder);
    throw thrown;
  }
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.pragma('foreign_keys = ON');
  db.transaction(() => {
    const version = db.pragma('user_version', { simple: true }) as number;
    if (version > migrations.length) throw hubFault.newerDatabase(version);
    for (const migration of migrations.slice(version)) db.exec(migration);
    db.pragma(`user_version = ${migrations.length}`);
  }).immediate();
  return db;
}

/** Keeps a second hub off the folder for as long as this process lives; the system lets go of it even after kill -9. */
export function lockHubFolder(folder: string): { release(): void } {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = new Database(path.join(folder, 'hub.lock'), { timeout: 0 });
  try {
    lock.pragma('journal_mode = DELETE');
    lock.exec('BEGIN EXCLUSIVE');
  } catch {
    lock.close();
    throw hubFault.folderInUse(folder);
  }
  return { release: () => lock.close() };
}

export function readSetting(db: HubDatabase, key: string): string | null {
  return db.prepare<[string], { value: string }>('SELECT value FROM settings WHERE key = ?').get(key)?.value ?? null;
}

export function writeSetting(db: HubDatabase, key: string, value: string): void {
  db.prepare('INSERT INTO settings VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value').run(key, value);
}
