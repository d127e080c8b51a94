// How many private steps a run may have released, on disk before they are made: after a crash the count is at least the
// truth, also for steps that the checkpoint has lost and that are made again with fresh noise.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { writeFileDurably } from '../../disk/durable-file.ts';
import { runNotAccessible } from '../faults.ts';
import { privacyFault } from './faults.ts';

/** Steps that are written down at a time, and the most that a crash counts too many. */
const reservedAtOnce = 10;

const fileSchema = z.object({ version: z.literal(1), steps: z.number().int().min(0) });
const fileName = 'private-steps.json';

export interface StepCount {
  /** Steps that may have been released. */
  readonly steps: number;
  /** Counts one more; it is on disk when this returns. @throws Fault 357 when it cannot be written */
  add(): void;
  /** Gives back what was reserved and not made. To be called when the run pauses or ends. */
  settle(): void;
}

/** The count of the run in this folder. @throws Fault 686 when its file is there and unreadable */
export function openStepCount(folder: string, stepsInCheckpoint: number): StepCount {
  const file = path.join(folder, fileName);
  let steps = Math.max(stepsInCheckpoint, recordedSteps(folder) ?? 0);
  let reserved = steps;
  const write = (count: number): void => {
    try {
      writeFileDurably(file, JSON.stringify({ version: 1, steps: count }), 0o600, { beside: `${file}.partial` });
    } catch (error) {
      throw runNotAccessible(error);
    }
    reserved = count;
  };
  return {
    get steps() {
      return steps;
    },
    add() {
      if (steps + 1 > reserved) write(steps + reservedAtOnce);
      steps += 1;
    },
    settle() {
      if (reserved !== steps) write(steps);
    },
  };
}

/** What the folder's file says, at least the truth; null where no private step was made. @throws Fault 686 */
export function recordedSteps(folder: string): number | null {
  const file = path.join(folder, fileName);
  if (!existsSync(file)) return null;
  try {
    return fileSchema.parse(JSON.parse(readFileSync(file, 'utf8'))).steps;
  } catch (error) {
    throw privacyFault.countUnreadable(error);
  }
}
