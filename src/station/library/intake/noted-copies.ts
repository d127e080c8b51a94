// Copies get their names before the index has their rows. Between the two an import may be killed: each thread notes what it is
// about to name, and what was noted and is not in the index when the library opens is removed.
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { threadId } from 'node:worker_threads';
import type { Db } from '../database.ts';

const notesFolder = 'copying';
/** As `openStoreGroup` names a copy; nothing else that a note says is touched. */
const copyName = /^instances[/\\][0-9a-f]{2}[/\\][0-9a-f]{64}\.dcm$/;
const pathsAtOnce = 10_000;

/** @param stored paths relative to the library's folder @throws a file system error; then none may get its name */
export function noteCopies(folder: string, stored: readonly string[]): void {
  if (stored.length === 0) return;
  const notes = path.join(folder, notesFolder);
  mkdirSync(notes, { recursive: true, mode: 0o700 });
  appendFileSync(path.join(notes, `thread-${threadId}`), `${stored.join('\n')}\n`, { mode: 0o600 });
}

/** After an import that came to its end: all that was noted is in the index or was removed. Only where none runs. */
export function forgetCopies(folder: string): void {
  rmSync(path.join(folder, notesFolder), { recursive: true, force: true });
}

/**
 * Removes noted copies that the index does not know; returns how many. Only when a library opens, before anything is imported or
 * received: later, somebody may be about to index the same content.
 */
export function sweepNotedCopies(db: Db, folder: string): number {
  const notes = path.join(folder, notesFolder);
  let names: string[];
  try {
    names = readdirSync(notes);
  } catch {
    return 0;
  }
  const noted = new Set<string>();
  for (const name of names) {
    for (const line of readFileSync(path.join(notes, name), 'utf8').split('\n'))
      if (copyName.test(line)) noted.add(line);
  }
  // No index leads from a path to its row: the table is read once, however many were noted.
  db.exec('CREATE TEMP TABLE notedCopies (path TEXT PRIMARY KEY) STRICT, WITHOUT ROWID');
  try {
    const all = [...noted];
    const note = db.prepare('INSERT OR IGNORE INTO notedCopies SELECT value FROM json_each(?)');
    for (let at = 0; at < all.length; at += pathsAtOnce) note.run(JSON.stringify(all.slice(at, at + pathsAtOnce)));
    db.exec('DELETE FROM notedCopies WHERE path IN (SELECT path FROM instances WHERE isCopy = 1)');
    const orphans = db.prepare<[], string>('SELECT path FROM notedCopies').pluck().all();
    for (const orphan of orphans) rmSync(path.join(folder, orphan), { force: true });
    forgetCopies(folder);
    return orphans.length;
  } finally {
    db.exec('DROP TABLE notedCopies');
  }
}
