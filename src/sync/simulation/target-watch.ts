// When a trunk is as good as was asked for: not by one lucky commit, and what later commits make of it changes nothing.
import { sustainedCommits } from './outcome.ts';

export interface TargetWatch {
  /** Hears of the next commit's score. */
  take(second: number, score: number): void;
  /** The second of the first of `sustainedCommits` commits in a row at the target; null before the last of them. */
  readonly reachedAt: number | null;
}

/** @param target null where none is asked for: it is never reached. */
export function openTargetWatch(target: number | null): TargetWatch {
  let inRow = 0;
  let first = 0;
  let reachedAt: number | null = null;
  return {
    take(second, score) {
      if (target === null || reachedAt !== null) return;
      inRow = score >= target ? inRow + 1 : 0;
      if (inRow === 1) first = second;
      if (inRow === sustainedCommits) reachedAt = first;
    },
    get reachedAt() {
      return reachedAt;
    },
  };
}
