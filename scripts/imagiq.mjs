#!/usr/bin/env node
// The `imagiq` command: runs the TypeScript sources, of a clone and of an installed package alike (docs/decisions/0002).
import { spawn } from 'node:child_process';
import { homedir } from 'node:os';
import path from 'node:path';
import {
  cloneEnvironment,
  ensureInstalled,
  hubEnvironment,
  hubNodeFlags,
  isClone,
  nodeFlags,
  nodePath,
  root,
} from './runtime.mjs';

ensureInstalled();
const node = nodePath();
const entry = path.join(root, 'src', 'cli', 'cli.ts');
const words = process.argv.slice(2);
const isHub = words.includes('hub');
const child = spawn(node, [...(isHub ? hubNodeFlags : nodeFlags), entry, ...words], {
  stdio: 'inherit',
  env: { ...(isHub && hubEnvironment), ...(isClone ? cloneEnvironment() : packageEnvironment()) },
});
// Ctrl+C reaches the whole group: sent on, it would come twice and cut the orderly end short.
process.on('SIGINT', () => {});
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));

/**
 * A package's own folder is not the user's to write: what Node has compiled once is kept in the user's cache, beside the trainer's
 * (src/trainer/process-environment.ts). Where nothing can be written nothing is kept.
 */
function packageEnvironment() {
  const { LOCALAPPDATA = '', XDG_CACHE_HOME = '' } = process.env;
  const [named, usual] = { win32: [LOCALAPPDATA, 'AppData/Local'], darwin: ['', 'Library/Caches'] }[
    process.platform
  ] ?? [XDG_CACHE_HOME, '.cache'];
  const cache = path.isAbsolute(named) ? named : path.join(homedir(), usual);
  return { NODE_COMPILE_CACHE: path.join(cache, 'imagiq', 'code'), ...process.env };
}
