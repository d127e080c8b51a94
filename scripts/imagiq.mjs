#!/usr/bin/env node
// The `imagiq` command. From a clone it runs the TypeScript sources, from an installed package the bundle.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { cloneEnvironment, ensureInstalled, hubNodeFlags, nodePath, root } from './runtime.mjs';

const source = path.join(root, 'src', 'cli', 'cli.ts');
const isClone = existsSync(source);
if (isClone) ensureInstalled();
const node = nodePath();
const entry = isClone ? source : path.join(root, 'dist', 'cli', 'cli.cjs');
const words = process.argv.slice(2);
const child = spawn(node, [...(words.includes('hub') ? hubNodeFlags : []), entry, ...words], {
  stdio: 'inherit',
  env: isClone ? cloneEnvironment() : process.env,
});
// Ctrl+C reaches the whole group: sent on, it would come twice and cut the orderly end short.
process.on('SIGINT', () => {});
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
