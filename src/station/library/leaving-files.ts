// Copies that no row of the index names any more. Each is noted by the transaction that takes its row away and removed from the disk
// afterwards: a station that is killed in between removes it at its next start.
import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Db } from './database.ts';

/** Removed at once. */
const filesAtOnce = 64;

export interface LeavingFiles {
  /** Within the transaction that takes the row. @param stored relative to the library's folder */
  note(stored: string): void;
  /** Within the transaction that gives a row to a copy of this name. */
  keep(stored: string): void;
  /** Removes what was noted from the disk, all or of these; what cannot be removed (it is being read, on Windows) goes at the next start. */
  clear(stored?: readonly string[]): Promise<void>;
}

export function leavingFiles(db: Db, folder: string): LeavingFiles {
  const note = db.prepare('INSERT OR IGNORE INTO leavingFiles (path) VALUES (?)');
  const keep = db.prepare('DELETE FROM leavingFiles WHERE path = ?');
  const all = db.prepare<[], string>('SELECT path FROM leavingFiles').pluck();
  const gone = db.prepare('DELETE FROM leavingFiles WHERE path IN (SELECT value FROM json_each(?))');
  return {
    note: (stored) => void note.run(stored),
    keep: (stored) => void keep.run(stored),
    async clear(stored) {
      const noted = all.all();
      const files = stored === undefined ? noted : noted.filter((file) => stored.includes(file));
      if (files.length === 0) return;
      settle(db);
      for (let at = 0; at < files.length; at += filesAtOnce) {
        const some = files.slice(at, at + filesAtOnce);
        const removed = await Promise.allSettled(some.map((file) => rm(path.join(folder, file), { force: true })));
        if (!db.open) return;
        gone.run(JSON.stringify(some.filter((_, index) => removed[index]?.status === 'fulfilled')));
      }
    },
  };
}

/** Removes what a station that was killed had noted. Only when a library opens, before anything is imported or received. */
export function sweepLeavingFiles(db: Db, folder: string): void {
  for (const file of db.prepare<[], string>('SELECT path FROM leavingFiles').pluck().all()) {
    try {
      rmSync(path.join(folder, file), { force: true });
      db.prepare('DELETE FROM leavingFiles WHERE path = ?').run(file);
    } catch {
      // It stays noted. On a full disk the library opens all the same.
    }
  }
}

/** The rows are gone from the disk before their files: a power cut must not bring back rows without files. */
function settle(db: Db): void {
  db.pragma('wal_checkpoint(PASSIVE)');
}
