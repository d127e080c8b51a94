// Orders to a run while it goes on: pause, resume, stop. The loop asks between steps.

export interface RunControl {
  readonly isStopped: boolean;
  readonly isPaused: boolean;
  pause(): void;
  resume(): void;
  /** For good; also ends a pause. */
  stop(): void;
  /** Resolves when the state differs from what it was, or after `limitMs`. */
  changed(limitMs?: number): Promise<void>;
}

export function runControl(): RunControl {
  let isStopped = false;
  let isPaused = false;
  const waiting = new Set<() => void>();
  const change = (apply: () => void): void => {
    apply();
    for (const wake of waiting) wake();
  };
  return {
    get isStopped() {
      return isStopped;
    },
    get isPaused() {
      return isPaused && !isStopped;
    },
    pause: () => change(() => (isPaused = true)),
    resume: () => change(() => (isPaused = false)),
    stop: () => change(() => (isStopped = true)),
    changed: (limitMs) =>
      new Promise((resolve) => {
        const timer = limitMs === undefined ? undefined : setTimeout(() => wake(), limitMs);
        const wake = (): void => {
          clearTimeout(timer);
          waiting.delete(wake);
          resolve();
        };
        waiting.add(wake);
      }),
  };
}
