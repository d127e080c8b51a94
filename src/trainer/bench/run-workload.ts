// A workload of the bench in a process of its own, so that its memory is its own.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { Fault } from '../../contract/fault.ts';
import { faultSchema } from '../../contract/fault-schema.ts';
import { trainerEnvironment } from '../process-environment.ts';

const mostOutput = 1 << 26;

const faultAnswer = z.object({ fault: faultSchema });

/** @param flags of `train-workload.ts`; returns the JSON that it prints. @throws the fault that it met */
export async function runWorkload(flags: readonly string[]): Promise<unknown> {
  const entry = path.join(import.meta.dirname, 'train-workload.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [entry, ...flags], {
    env: trainerEnvironment(process.env),
    maxBuffer: mostOutput,
  });
  const answer: unknown = JSON.parse(stdout);
  const met = faultAnswer.safeParse(answer);
  if (met.success) throw new Fault(met.data.fault);
  return answer;
}
