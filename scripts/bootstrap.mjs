// `npm test`, `npm run demo` and the others after a bare clone: install, then run the inner script on a recent Node.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { cloneEnvironment, ensureInstalled, nodePath, root } from './runtime.mjs';

const [script, ...rest] = process.argv.slice(2);
ensureInstalled();
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
const environment = { ...cloneEnvironment(), PATH: path.dirname(nodePath()) + path.delimiter + process.env.PATH };
const child = spawn(npm, ['run', '--silent', script, '--', ...rest], {
  cwd: root,
  stdio: 'inherit',
  env: environment,
  shell: process.platform === 'win32',
});
// Ctrl+C reaches the whole group: sent on, it would come twice and cut the orderly end short.
process.on('SIGINT', () => {});
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
