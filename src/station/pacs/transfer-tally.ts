// Counts what became of the instances of a transfer and tells it on, at most ten times a second.
import type { TransferProgress, TransferReport } from '../../contract/pacs.ts';

const progressEveryMs = 100;
/** The list is for people; counts stay exact beyond it. */
const failuresListed = 1_000;

export interface TallyOptions {
  readonly direction: TransferProgress['direction'];
  readonly peer: string;
  /** As in the report, both. */
  readonly studies: number;
  readonly series: number;
  readonly onProgress: (progress: TransferProgress) => void;
}

export class TransferTally {
  completed = 0;
  duplicates = 0;
  replaced = 0;
  /** Were not asked for, since the library has them: no part of `total`. */
  readonly here = new Set<string>();
  /** Null while nobody has told. */
  total: number | null = null;
  #failed = 0;
  readonly #failures: string[] = [];
  readonly #startedMs = performance.now();
  readonly #options: TallyOptions;
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(options: TallyOptions) {
    this.#options = options;
  }

  /** Instances that came to an end, whichever. */
  get ended(): number {
    return this.completed + this.duplicates + this.#failed;
  }

  fail(why: string, instances = 1): void {
    this.#failed += instances;
    if (this.#failures.length < failuresListed) this.#failures.push(why);
    this.tell();
  }

  tell(isLast = false): void {
    const nowMs = performance.now();
    if (!isLast && nowMs - this.#toldMs < progressEveryMs) return;
    this.#toldMs = nowMs;
    const { direction, peer } = this.#options;
    const { total } = this;
    this.#options.onProgress({
      direction,
      peer,
      completed: this.completed + this.duplicates,
      failed: this.#failed,
      total: total === null ? null : Math.max(total, this.ended),
    });
  }

  report(cancelled: boolean): TransferReport {
    return {
      studies: this.#options.studies,
      series: this.#options.series,
      completed: this.completed,
      duplicates: this.duplicates + this.here.size,
      replaced: this.replaced,
      failed: this.#failed,
      seconds: (performance.now() - this.#startedMs) / 1000,
      cancelled,
      failures: this.#failures,
    };
  }
}
