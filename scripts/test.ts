// `npm test`: Debian packages where allowed, then every test, under a virtual display when there is no real one.
import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { ensureDebianPackages } from './debian-packages.ts';
import { endLeftRunning, runMark } from './left-running.ts';

/** A run takes 12 to 20 minutes; one that takes an hour hangs. */
const longestRunMinutes = 60;

ensureDebianPackages();
const vitest = ['node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)];
const hasDisplay = process.platform !== 'linux' || Boolean(process.env['DISPLAY']);
const hasXvfb = spawnSync('which', ['xvfb-run']).status === 0;
const [command, ...commandArguments] =
  hasDisplay || !hasXvfb
    ? [process.execPath, ...vitest]
    : ['xvfb-run', '-a', '-s', '-screen 0 2560x1440x24', process.execPath, ...vitest];
const mark = randomUUID();
const run = spawn(command as string, commandArguments, {
  stdio: 'inherit',
  env: { ...process.env, [runMark]: mark },
  // A session of its own: what the run leaves behind is found by it.
  detached: process.platform === 'linux',
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => finish(1, `ended by ${signal}`));
setTimeout(() => finish(1, `ended after ${longestRunMinutes} minutes`), longestRunMinutes * 60_000);
run.once('error', (error) => finish(1, error.message));
// The virtual display takes a moment to end by itself.
run.once('exit', (status) => setTimeout(() => finish(status ?? 1), 500));

function finish(status: number, reason?: string): never {
  if (reason !== undefined) console.error(`\nTests: ${reason}.`);
  for (const { pid, command: left } of run.pid === undefined ? [] : endLeftRunning(run.pid, mark)) {
    console.error(`Left running by the tests, ended now: ${pid} ${left.slice(0, 200)}`);
  }
  process.exit(status);
}
