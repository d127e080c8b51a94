// What every entry needs before TypeScript can run: installed packages and a Node that strips types.
// Plain JavaScript that Node 20 can read; it imports nothing that is not built in.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** An installed package brings its dependencies along; only a clone has a lock file to install from. */
export const isClone = existsSync(path.join(root, 'package-lock.json'));

/** Node 24 runs TypeScript without a flag and has the half floats that updates travel as. */
const oldestNode = [24, 2];

function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
}

/** Name and version of every package that a lock file wants; `optional` ones may be absent on this platform. */
function lockedPackages(file) {
  const { packages = {} } = JSON.parse(readFileSync(file, 'utf8'));
  return Object.entries(packages).filter(([name]) => name !== '');
}

/** Whether what is installed is what package-lock.json says: by content, since a checkout changes times. */
function isInstalled() {
  try {
    const installed = new Map(lockedPackages(path.join(root, 'node_modules', '.package-lock.json')));
    return lockedPackages(path.join(root, 'package-lock.json')).every(
      ([name, { version, optional, peer }]) => optional || peer || installed.get(name)?.version === version,
    );
  } catch {
    return false;
  }
}

/**
 * The environment of the programs started from a clone: what Node has compiled once is kept in the clone's own cache, which
 * whoever can write could also change the sources in. It takes a third off each start.
 */
export function cloneEnvironment() {
  return { NODE_COMPILE_CACHE: path.join(root, '.cache', 'compiled'), ...process.env };
}

/**
 * What Node is started with for `imagiq`: a young generation that stays small, as of the app's station (src/main/station-process.ts).
 * One that grows keeps garbage for long, the more the more images go by, and with it, in a hub, the pieces of transfers, which are
 * memory outside of V8's heap that is given back when the small objects that name it are collected.
 */
export const nodeFlags = ['--max-semi-space-size=8'];
/**
 * Of a hub the pieces of transfers that came, some 50 MB/s or more, would also begin a collection of all memory for every 16 MB of them, though
 * the small collections give them back; counted with the heap they do not. A young generation of 1 MB is collected while pieces are still on
 * their way, which only a collection of all memory gives back afterwards: of eight times 200 MB, 20 such collections instead of 3.
 */
export const hubNodeFlags = ['--max-semi-space-size=2', '--external-memory-accounted-in-global-limit'];

/** Of a hub: the four threads that Node has for the disk may all be syncing, and what other sites bring then waits to be written. */
export const hubEnvironment = { UV_THREADPOOL_SIZE: '8' };

/** Installs what package-lock.json says, unless that is there already. Output goes to stderr. */
export function ensureInstalled() {
  if (!isClone || isInstalled()) return;
  const release = takeInstallLock();
  try {
    // Another process may have installed while this one waited.
    if (!isInstalled()) install();
  } finally {
    release();
  }
}

/** One install at a time: two at once empty each other's folder. Waits for the other, unless that was killed. */
function takeInstallLock() {
  const lock = path.join(root, '.cache', 'installing');
  mkdirSync(path.dirname(lock), { recursive: true });
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      return () => rmSync(lock, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isAlive(lock)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    else rmSync(lock, { force: true });
  }
}

/** Whether the process that wrote its number into `lock` still runs; a lock that was just made counts as alive. */
function isAlive(lock) {
  try {
    const owner = Number(readFileSync(lock, 'utf8'));
    if (owner === 0) return true;
    process.kill(owner, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function install() {
  console.error('Installing packages (once, about half a minute) …');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const result = spawnSync(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (result.status !== 0) {
    rmSync(path.join(root, '.cache', 'installing'), { force: true });
    console.error(
      'The packages could not be installed (npm ci failed, see above). Check the network or the npm registry setting, then try again.',
    );
    process.exit(1);
  }
}

/** The Node to run TypeScript with: this one if new enough, else that of an installed package, or in a clone of the optional node-* package. */
export function nodePath() {
  if (isNewEnough(process.versions.node)) return process.execPath;
  const program = process.platform === 'win32' ? 'node.exe' : 'node';
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const packaged = [
    path.join(root, '..', 'node', program),
    path.join(root, 'node_modules', `node-${platform}-${process.arch}`, 'bin', program),
  ].find((file) => existsSync(file));
  if (packaged === undefined) {
    console.error(
      `ImagiQ needs Node ${oldestNode.join('.')} or newer; this is ${process.versions.node}. Install a newer Node and try again.`,
    );
    process.exit(1);
  }
  return packaged;
}
