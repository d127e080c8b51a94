import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeFileDurably } from '../../../src/disk/durable-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'imagiq-durable-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('the parts are written one after the other, for their owner alone, and nothing else is left', () => {
  const file = path.join(folder, 'file');
  writeFileDurably(file, [Buffer.from('one '), Buffer.from('two')]);
  expect(readFileSync(file, 'utf8')).toBe('one two');
  writeFileDurably(file, 'three');
  expect(readFileSync(file, 'utf8')).toBe('three');
  expect(readdirSync(folder)).toEqual(['file']);
  // Windows knows no modes of this kind.
  const mode = process.platform === 'win32' ? 0o600 : statSync(file).mode & 0o777;
  expect(mode).toBe(0o600);
});

test('what was there stays until all is written, and where it cannot take its name nothing half-written is left', () => {
  const file = path.join(folder, 'file');
  writeFileSync(file, 'old');
  const seen: string[] = [];
  writeFileDurably(file, 'new', 0o600, { beforeRename: () => seen.push(readFileSync(file, 'utf8')) });
  expect(seen).toEqual(['old']);
  const taken = path.join(folder, 'taken');
  mkdirSync(path.join(taken, 'inside'), { recursive: true });
  expect(() => writeFileDurably(taken, 'new')).toThrow(/EISDIR|ENOTEMPTY|EPERM|EEXIST/);
  expect(readdirSync(folder).toSorted()).toEqual(['file', 'taken']);
});
