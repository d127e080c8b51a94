// The `imagiq` command in the layout of an installed package: the folders that electron-builder packs, and no lock file.
import { execFile } from 'node:child_process';
import { cpSync, globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../../..');
const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-package-'));
const app = path.join(folder, 'app.asar.unpacked');

beforeAll(() => {
  const packed = readFileSync(path.join(root, 'electron-builder.yml'), 'utf8').matchAll(
    /^ {2}- ((?:src|scripts|resources)\/[\w./]+?|package\.json)(?:\/\*\*)?$/gm,
  );
  for (const [, name] of packed) cpSync(path.join(root, name!), path.join(app, name!), { recursive: true });
  symlinkSync(path.join(root, 'node_modules'), path.join(app, 'node_modules'), 'junction');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('it runs, and keeps what Node compiled in the user’s cache', async () => {
  const cache = path.join(folder, 'cache');
  const { NODE_COMPILE_CACHE: _given, ...environment } = process.env;
  const env = { ...environment, HOME: cache, XDG_CACHE_HOME: cache, LOCALAPPDATA: cache };
  const words = ['--home', path.join(folder, 'home'), '--json', 'status'];
  const { stdout } = await promisify(execFile)(process.execPath, [path.join(app, 'scripts', 'imagiq.mjs'), ...words], {
    env,
  });
  expect(JSON.parse(stdout)).toMatchObject({ studies: 0, memberships: [] });
  expect(globSync('**/imagiq/code', { cwd: cache })).toHaveLength(1);
}, 60_000);

test('a user’s cache that is named and empty is not the folder where it is called', async () => {
  const [cwd, user] = [path.join(folder, 'here'), path.join(folder, 'user')];
  for (const one of [cwd, user]) mkdirSync(one);
  const { NODE_COMPILE_CACHE: _given, ...environment } = process.env;
  const env = { ...environment, HOME: user, USERPROFILE: user, XDG_CACHE_HOME: '', LOCALAPPDATA: '' };
  const words = ['--home', path.join(folder, 'home'), '--json', 'status'];
  await promisify(execFile)(process.execPath, [path.join(app, 'scripts', 'imagiq.mjs'), ...words], { env, cwd });
  expect(readdirSync(cwd)).toEqual([]);
}, 60_000);
