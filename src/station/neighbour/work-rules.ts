// When this process's own work on images may go on: what the rules are for the trainers, for data sets and models run on studies.
import { setTimeout as delay } from 'node:timers/promises';

/** Whether it may go on by now is asked this often. */
const askEveryMs = 250;

interface Turn {
  /** How long the piece before took: it is rested for it where the rules give training a share of the time only. */
  readonly workedMs: number;
  readonly signal: AbortSignal;
  /** Hears why it waits, and null when it goes on; nothing where it need not wait. */
  readonly onWait?: ((reason: string | null) => void) | undefined;
}

export interface WorkRules {
  /** Most threads at once. */
  threads(): number;
  /** Resolves when the next piece of work may begin; rejects with the signal's reason. */
  turn(turn: Turn): Promise<void>;
}

/** For whoever has no workstation's rules: all threads at once, and no waiting. */
export const noRules: WorkRules = { threads: () => Number.POSITIVE_INFINITY, turn: async () => {} };

/**
 * @param parts.computeShare share of the time in which work may go on, 0…1
 * @param parts.waitsFor why nothing may go on just now; null when it may
 */
export function workRules(parts: {
  readonly threads: () => number;
  readonly computeShare: () => number;
  readonly waitsFor: () => string | null;
  /** Given in tests. */
  readonly wait?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}): WorkRules {
  const { wait = pause } = parts;
  return {
    threads: parts.threads,
    async turn({ workedMs, signal, onWait }) {
      signal.throwIfAborted();
      const restMs = workedMs * (1 / parts.computeShare() - 1);
      if (restMs > 0) await wait(restMs, signal);
      let told: string | null = null;
      for (;;) {
        const reason = parts.waitsFor();
        if (reason !== told) onWait?.(reason);
        told = reason;
        if (reason === null) return;
        await wait(askEveryMs, signal);
      }
    },
  };
}

/** Rejects with the signal's reason. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return delay(milliseconds, undefined, { signal }).catch(() => signal.throwIfAborted());
}
