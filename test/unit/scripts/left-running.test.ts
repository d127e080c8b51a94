import { spawn } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import { endLeftRunning, runMark } from '../../../scripts/left-running.ts';

test.skipIf(process.platform !== 'linux')(
  'what a test run left behind is found by its session or its mark, and ended',
  async () => {
    const mark = `left-running-test-${process.pid}`;
    const sleeper = (env: NodeJS.ProcessEnv, detached: boolean) => {
      const child = spawn(process.execPath, ['-e', "console.log('up'); setInterval(() => {}, 1e6)"], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { PATH: process.env['PATH'], ...env },
        detached,
      });
      onTestFinished(() => void child.kill('SIGKILL'));
      return { child, up: new Promise((resolve) => child.stdout?.once('data', resolve)) };
    };
    const marked = sleeper({ [runMark]: mark }, true);
    const leader = sleeper({}, true);
    const bystander = sleeper({}, true);
    await Promise.all([marked.up, leader.up, bystander.up]);
    const ended = Promise.all(
      [marked, leader].map(({ child }) => new Promise((resolve) => child.once('exit', resolve))),
    );
    const left = endLeftRunning(leader.child.pid as number, mark);
    expect(new Set(left.map(({ pid }) => pid))).toEqual(new Set([marked.child.pid, leader.child.pid]));
    await ended;
    expect(bystander.child.exitCode ?? bystander.child.signalCode).toBeNull();
  },
);
