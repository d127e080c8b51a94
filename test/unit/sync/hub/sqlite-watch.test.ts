// A hub looks four times a second whether another process changed its database. A look that fails must not end it.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openSqliteDatabase } from '../../../../src/sync/hub/sqlite-database.ts';

test('a disk that gives nothing for a moment is looked at again, and what changed is told then', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-watch-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [db, other] = [
    openSqliteDatabase(folder, { mustExist: false }),
    openSqliteDatabase(folder, { mustExist: true }),
  ];
  onTestFinished(async () => {
    await db.close();
    await other.close();
  });
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const onChange = vi.fn<() => void>();
  const end = db.watch(onChange);
  await other.run("INSERT INTO settings VALUES ('federation', 'North')");
  const broken = vi.spyOn(Database.prototype, 'pragma').mockImplementation(() => {
    throw new Database.SqliteError('disk I/O error', 'SQLITE_IOERR');
  });
  onTestFinished(() => broken.mockRestore());
  vi.advanceTimersByTime(1_000);
  expect(broken).toHaveBeenCalled();
  expect(onChange).not.toHaveBeenCalled();
  broken.mockRestore();
  vi.advanceTimersByTime(1_000);
  expect(onChange).toHaveBeenCalledOnce();
  end();
});
