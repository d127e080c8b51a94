// Orders to a run while it goes on: pause, resume, stop, hold, rest. The loop takes them between steps, by `turn`.
import { setImmediate } from 'node:timers/promises';

export interface RunControl {
  readonly isStopped: boolean;
  readonly isPaused: boolean;
  /** Why the run is held back without its user's order; null when it is not. */
  readonly waitsFor: string | null;
  pause(): void;
  resume(): void;
  /** For good; also ends a pause. */
  stop(): void;
  /** Holds the run back for this reason until null. */
  hold(reason: string | null): void;
  /** Share of the time to rest, whatever the job says. */
  readonly idleShare: number;
  pace(idleShare: number): void;
  /** No step begins for so long from now. */
  rest(milliseconds: number): void;
  /** Resolves when the state differs from what it was, or after `limitMs`. */
  changed(limitMs?: number): Promise<void>;
  /** Lets orders in; resolves when work may go on, or has to stop. */
  turn(): Promise<void>;
  /** `listener` hears of each pause and hold when the run really stands still. One at a time; null ends it. */
  watchWaits(listener: (() => void) | null): void;
}

export function runControl({
  heldFor = null,
  idleShare: firstIdleShare = 0,
}: { heldFor?: string | null; idleShare?: number } = {}): RunControl {
  let isStopped = false;
  let isPaused = false;
  let waitsFor = heldFor;
  let restsUntil = 0;
  let idleShare = firstIdleShare;
  let onWait: (() => void) | null = null;
  const waiting = new Set<() => void>();
  const change = (apply: () => void): void => {
    apply();
    for (const wake of waiting) wake();
  };
  const changed = (limitMs?: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = limitMs === undefined ? undefined : setTimeout(() => wake(), limitMs);
      const wake = (): void => {
        clearTimeout(timer);
        waiting.delete(wake);
        resolve();
      };
      waiting.add(wake);
    });
  return {
    get isStopped() {
      return isStopped;
    },
    get isPaused() {
      return isPaused && !isStopped;
    },
    get waitsFor() {
      return isStopped ? null : waitsFor;
    },
    pause: () => change(() => (isPaused = true)),
    resume: () => change(() => (isPaused = false)),
    stop: () => change(() => (isStopped = true)),
    hold: (reason) => change(() => (waitsFor = reason)),
    get idleShare() {
      return idleShare;
    },
    pace: (share) => void (idleShare = share),
    rest(milliseconds) {
      // Nobody is woken: whoever rests looks again when the rest would have ended.
      restsUntil = Math.max(restsUntil, performance.now() + milliseconds);
    },
    changed,
    async turn() {
      // The engine blocks the event loop: this is where orders get in.
      await setImmediate();
      for (;;) {
        if (isStopped) return;
        const restMs = restsUntil - performance.now();
        if (isPaused || waitsFor !== null) {
          onWait?.();
          await changed();
        } else if (restMs > 0) await changed(restMs);
        else return;
      }
    },
    watchWaits(listener) {
      onWait = listener;
    },
  };
}

/** Rests so that working takes `1 − idleShare` of the time, by the job's share or the control's, whichever is more; orders end the rest. */
export async function restAfter(workedMs: number, idleShare: number, control: RunControl): Promise<void> {
  const share = Math.max(idleShare, control.idleShare);
  if (share > 0 && !control.isStopped) await control.changed((workedMs * share) / (1 - share));
}
