// What every entry needs before TypeScript can run: installed packages and a Node that strips types.
// Plain JavaScript that Node 20 can read; it imports nothing that is not built in.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** Node 22.18 is the first that runs TypeScript without a flag. */
const oldestNode = [22, 18];

function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
}

/** Installs what package-lock.json says, unless the last install is newer than it. Output goes to stderr. */
export function ensureInstalled() {
  const lock = path.join(root, 'package-lock.json');
  const installed = path.join(root, 'node_modules', '.package-lock.json');
  if (existsSync(installed) && (!existsSync(lock) || statSync(installed).mtimeMs >= statSync(lock).mtimeMs)) return;
  console.error('Installing packages (once, about half a minute) …');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const result = spawnSync(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (result.status !== 0) {
    console.error(
      'The packages could not be installed (npm ci failed, see above). Check the network or the npm registry setting, then try again.',
    );
    process.exit(1);
  }
}

/** The Node to run TypeScript with: this one if new enough, else the one in the optional node-* package. */
export function nodePath() {
  if (isNewEnough(process.versions.node)) return process.execPath;
  const packaged = path.join(
    root,
    'node_modules',
    `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`,
    'bin',
    process.platform === 'win32' ? 'node.exe' : 'node',
  );
  if (!existsSync(packaged)) {
    console.error(
      `ImagiQ needs Node ${oldestNode.join('.')} or newer; this is ${process.versions.node}. Install a newer Node and try again.`,
    );
    process.exit(1);
  }
  return packaged;
}
