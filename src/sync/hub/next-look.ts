// When it is looked next whether a commit is due: at the time that the rule says, soon where another hub may have made it, and after a
// failure with growing pauses.

/** The longest time that a timer of the runtime can wait: almost 25 days. */
export const longestTimerMs = 2 ** 31 - 1;

/** After a commit that failed: a disk is given room, a database comes back. Each further failure doubles the pause. */
const afterFailureMs = { first: 3_000, longest: 60_000 } as const;

export interface NextLook {
  /** Then, and not at an earlier time that was said before; null: nothing is to come. A time that is over is not waited for. */
  at(dueAt: number | null): void;
  /** After so long at the latest. */
  within(waitMs: number): void;
  /** Nothing else may come that it could wait for: in synchronous rounds every site waits for this commit. */
  afterFailure(): void;
  succeeded(): void;
  readonly isClosed: boolean;
  close(): void;
}

/** @param clock ms since 1970; the waiting itself is by the process's own clock. */
export function openNextLook(clock: () => number, look: () => void): NextLook {
  let next: { readonly at: number; readonly timer: NodeJS.Timeout } | null = null;
  /** Commits that failed since one succeeded. */
  let failures = 0;
  let isClosed = false;
  const within = (waitMs: number): void => {
    const at = performance.now() + waitMs;
    if (isClosed || (next !== null && next.at <= at)) return;
    clearTimeout(next?.timer);
    const due = (): void => {
      next = null;
      look();
    };
    next = { at, timer: setTimeout(due, waitMs) };
  };
  return {
    at(dueAt) {
      clearTimeout(next?.timer);
      next = null;
      // A longer time would count as none; what is not due when it is over is looked for again.
      if (dueAt !== null && dueAt > clock()) within(Math.min(dueAt - clock(), longestTimerMs));
    },
    within,
    afterFailure() {
      within(Math.min(afterFailureMs.first * 2 ** failures, afterFailureMs.longest));
      failures += 1;
    },
    succeeded: () => void (failures = 0),
    get isClosed() {
      return isClosed;
    },
    close() {
      isClosed = true;
      clearTimeout(next?.timer);
    },
  };
}
