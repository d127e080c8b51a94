import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openDraftTable } from '../../../../src/station/cohorts/draft-table.ts';

test('a table that cannot be prepared is closed and leaves no file', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-draft-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const close = vi.spyOn(Database.prototype, 'close');
  const exec = vi.spyOn(Database.prototype, 'exec').mockImplementation(() => {
    throw new Error('the disk is full');
  });
  onTestFinished(() => void vi.restoreAllMocks());
  expect(() => openDraftTable(folder)).toThrow('the disk is full');
  expect(exec).toHaveBeenCalledOnce();
  expect(close).toHaveBeenCalledOnce();
  expect(readdirSync(folder)).toEqual([]);
});
