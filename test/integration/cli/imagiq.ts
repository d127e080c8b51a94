// Situations for tests of the command line: the real `imagiq`, in processes of its own, on folders of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

const entry = path.resolve(import.meta.dirname, '../../../src/cli/cli.ts');

const wrapper = path.resolve(import.meta.dirname, '../../../scripts/imagiq.mjs');
const wrapperMark = '<wrapper>';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The one JSON document of stdout. */
  json<Value>(): Value;
}

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** Starts `imagiq` and leaves it running; it is killed after the test. */
export function start(...flags: string[]): {
  process: ChildProcess;
  ended: Promise<Ended>;
  firstLine: Promise<string>;
  stderr(): string;
} {
  const isWrapped = flags[0] === wrapperMark;
  const words = isWrapped ? [wrapper, ...flags.slice(1)] : [entry, ...flags];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'], detached: isWrapped });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  const firstLine = new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      if (stdout.includes('\n')) resolve(stdout.slice(0, stdout.indexOf('\n')));
    });
    child.on('exit', (code) => reject(new Error(`imagiq ended with ${code} before a line: ${stderr}`)));
  });
  firstLine.catch(() => {});
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code) => {
      const json = <Value>(): Value => {
        const lines = stdout.trim().split('\n');
        if (lines.length !== 1) throw new Error(`${lines.length} lines on stdout: ${stdout}\n${stderr}`);
        return JSON.parse(stdout) as Value;
      };
      resolve({ code, stdout, stderr, json });
    });
  });
  return { process: child, ended, firstLine, stderr: () => stderr };
}

/** Starts `imagiq` through its wrapper in a process group of its own, as a terminal does; `interrupt` is its Ctrl+C. */
export function startInTerminal(...flags: string[]): {
  interrupt(): void;
  /** Whether no process of the group is left. */
  isAllGone(): boolean;
  ended: Promise<Ended>;
  stderr(): string;
} {
  const started = start(...flags.toSpliced(0, 0, wrapperMark));
  const { pid } = started.process;
  return {
    interrupt: () => void process.kill(-(pid as number), 'SIGINT'),
    isAllGone() {
      try {
        return !process.kill(-(pid as number), 0);
      } catch {
        return true;
      }
    },
    ended: started.ended,
    stderr: started.stderr,
  };
}

/** Runs `imagiq` to its end. */
export function imagiq(...flags: string[]): Promise<Ended> {
  return start(...flags).ended;
}
