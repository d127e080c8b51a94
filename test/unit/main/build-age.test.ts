import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { buildWarning } from '../../../src/main/build-age.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-build-age-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function written(file: string, seconds: number): void {
  const place = path.join(folder, file);
  mkdirSync(path.dirname(place), { recursive: true });
  writeFileSync(place, '');
  utimesSync(place, seconds, seconds);
  utimesSync(path.dirname(place), seconds, seconds);
}

test('a window that is older than a source of its own says how to build it', async () => {
  for (const part of ['contract', 'main', 'renderer']) written(`src/${part}/a.ts`, 1_000);
  written('dist/renderer/index.html', 2_000);
  expect(await buildWarning(folder)).toBeNull();
  written('src/renderer/viewer/b.svelte', 3_000);
  expect(await buildWarning(folder)).toMatch(/npm start/);
});

test('a package without sources says nothing', async () => {
  written('dist/renderer/index.html', 2_000);
  expect(await buildWarning(folder)).toBeNull();
});
