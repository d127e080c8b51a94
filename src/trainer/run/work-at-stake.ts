// What a kill at this instant would lose, in time: all that was computed since the last checkpoint.

/** No more work than this is ever at stake: what could end later than so long after the last checkpoint waits for the next one. */
const mostLostMs = 25_000;

export interface WorkAtStake {
  /** Whether a kill after `aheadMs` more of work could cost more than is allowed, the time of writing included. */
  isDue(aheadMs: number): boolean;
  /** Runs `write`, which puts all that was done before on the disk. */
  keep(write: () => void): void;
}

/** @param clock milliseconds that only grow */
export function workAtStake(clock: () => number): WorkAtStake {
  let keptAt = clock();
  let writeMs = 0;
  return {
    isDue: (aheadMs) => clock() - keptAt + aheadMs + 2 * writeMs > mostLostMs,
    keep(write) {
      const begunAt = clock();
      write();
      keptAt = begunAt;
      writeMs = clock() - begunAt;
    },
  };
}
