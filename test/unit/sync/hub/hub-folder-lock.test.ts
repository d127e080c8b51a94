// What keeps a second hub off a folder says why it does not let one in.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Fault } from '../../../../src/contract/fault.ts';
import { hubLockName, lockHubFolder } from '../../../../src/sync/hub/hub-folder-lock.ts';

function hubFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-hub-lock-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function refusalOf(folder: string): unknown {
  try {
    onTestFinished(lockHubFolder(folder).release);
    return null;
  } catch (thrown) {
    return thrown instanceof Fault ? thrown.code : thrown;
  }
}

test('a second hub is told that one runs; once that gave the folder free, it may', () => {
  const folder = hubFolder();
  const lock = lockHubFolder(folder);
  onTestFinished(lock.release);
  expect(refusalOf(folder)).toBe(520);
  lock.release();
  expect(refusalOf(folder)).toBe(null);
});

test.each([
  ['a folder', (file: string) => mkdirSync(file)],
  ['no database', (file: string) => writeFileSync(file, 'nonsense '.repeat(500))],
])('a lock file that is %s is data that cannot be used, not a hub that runs', (_, spoil) => {
  const folder = hubFolder();
  spoil(path.join(folder, hubLockName));
  expect(refusalOf(folder)).toBe(549);
});
