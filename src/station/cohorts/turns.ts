// Long work of this process cut into turns: between them other calls are answered, and who waits hears how far it is or calls it off.
import { setImmediate } from 'node:timers/promises';
import type { CohortProgress, CohortStage } from '../../contract/cohort.ts';
import { cohortFaults } from './faults.ts';

export interface Turns {
  /** Begins a stage. @param total what it goes through; null where that is not known before */
  stage(stage: CohortStage, total: number | null): Stage;
}

export interface Stage {
  /** Gives `take` one after the other. What `all` is read out of must bear other work coming between. @throws Fault 228 (cancelled) */
  each<One>(all: Iterable<One>, take: (one: One) => void): Promise<void>;
  /** So many more are done, by whoever waits between them anyway. @throws Fault 228 (cancelled) */
  did(count: number): void;
}

/** Other work waits for this long at most, and for what a single step takes. */
const turnMs = 20;
/** The clock is looked at after these many. */
const lookEvery = 32;
const tellEveryMs = 100;

export function turnsOf(options: {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: CohortProgress) => void) | undefined;
}): Turns {
  const { signal, onProgress = () => {} } = options;
  let turnSince = performance.now();
  return {
    stage(stage, total) {
      let done = 0;
      let toldMs = Number.NEGATIVE_INFINITY;
      const did = (count: number): void => {
        if (signal?.aborted === true) throw cohortFaults.cancelled();
        done += count;
        if (done !== total && performance.now() - toldMs < tellEveryMs) return;
        toldMs = performance.now();
        onProgress({ stage, done, total });
      };
      did(0);
      return {
        did,
        async each(all, take) {
          let untold = 0;
          for (const one of all) {
            take(one);
            untold += 1;
            if (untold % lookEvery !== 0 || performance.now() - turnSince < turnMs) continue;
            await setImmediate();
            turnSince = performance.now();
            did(untold);
            untold = 0;
          }
          did(untold);
        },
      };
    },
  };
}
