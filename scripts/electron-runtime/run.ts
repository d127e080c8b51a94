// Opens the desktop app from a clone: `node scripts/electron-runtime/run.ts FOLDER [--home DIR] [switches]`.
import { spawn } from 'node:child_process';
import process from 'node:process';
import { resolveElectron } from './resolve.ts';

const words = process.argv.slice(2);
if (words.length === 0) words.push('.');
const isLinux = process.platform === 'linux';
if (isLinux && !process.env['DISPLAY'] && !process.env['WAYLAND_DISPLAY']) {
  console.error(
    'ImagiQ needs a screen, and neither DISPLAY nor WAYLAND_DISPLAY is set.\n' +
      'Start it in a desktop session, or on a server with `xvfb-run -a npm start`. Without a window: `npx imagiq --help`.',
  );
  process.exit(1);
}
// Chromium's sandbox cannot hold root; every other user keeps it.
if (isLinux && process.geteuid?.() === 0) words.unshift('--no-sandbox');

const { executable, version, origin } = await resolveElectron();
if (origin === 'stand-in') console.error(`Electron ${version} (stand-in for development: old, never released).`);
const app = spawn(executable, words, { stdio: 'inherit', env: { ...process.env, IMAGIQ_NODE: process.execPath } });
app.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
// Ctrl+C reaches the whole group: sent on, it would come twice and cut the orderly end short.
process.on('SIGINT', () => {});
for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => app.kill(signal));
