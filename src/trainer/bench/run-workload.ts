// A workload of the bench in a process of its own, so that its memory is its own.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { trainerEnvironment } from '../process-environment.ts';

const mostOutput = 1 << 26;

/** @param flags of `train-workload.ts`; returns the JSON line that it prints. Rejects with what it said when it fails. */
export async function runWorkload(flags: readonly string[]): Promise<string> {
  const entry = path.join(import.meta.dirname, 'train-workload.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [entry, ...flags], {
    env: trainerEnvironment(process.env),
    maxBuffer: mostOutput,
  });
  return stdout;
}
