// Gives candidates to the worker threads in batches and takes the outcomes in the order in which they were offered: of
// two equal files the first counts.
import type { HeaderReading } from '../header-workers.ts';
import type { Candidate } from './candidate.ts';
import type { CandidateOutcome } from './read-candidate.ts';

export interface CandidateBatches {
  /** Resolves when there is room for the next one. */
  offer(candidate: Candidate): Promise<void>;
  /** Resolves when all that was offered is taken. @throws what taking threw first; later batches are dropped then. */
  drain(): Promise<void>;
  /** The import was cancelled or a batch could not be taken: nothing more need be offered. */
  readonly isOver: boolean;
}

export interface CandidateBatchesOptions {
  readonly workers: HeaderReading;
  readonly signal: AbortSignal;
  /** A batch is full when its candidates weigh this much. Small where whole files are read: a cancel waits for it. */
  readonly batchWeight: number;
  readonly weightOf: (candidate: Candidate) => number;
  /** Called one batch after another, with one outcome for each candidate; fewer where the import was cancelled. */
  readonly take: (outcomes: readonly CandidateOutcome[], candidates: readonly Candidate[]) => Promise<void>;
}

export function candidateBatches(options: CandidateBatchesOptions): CandidateBatches {
  const { workers, signal, take } = options;
  const running = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | null = null;
  let taking = Promise.resolve();
  let batch: Candidate[] = [];
  let weight = 0;

  const isOver = (): boolean => signal.aborted || failure !== null;
  const begin = (): void => {
    const candidates = batch;
    batch = [];
    weight = 0;
    const read = workers.read(candidates, signal);
    const taken = taking.then(async () => {
      const outcomes = await read;
      if (failure === null) await take(outcomes, candidates);
    });
    taking = taken.catch((error: unknown) => {
      failure ??= { error };
    });
    const whole = taking.finally(() => running.delete(whole));
    running.add(whole);
  };

  return {
    get isOver() {
      return isOver();
    },
    async offer(candidate) {
      batch.push(candidate);
      weight += options.weightOf(candidate);
      if (weight < options.batchWeight) return;
      begin();
      while (running.size > workers.count * 2) await Promise.race(running);
    },
    async drain() {
      if (batch.length > 0 && !isOver()) begin();
      await Promise.all(running);
      // Set by a batch, meanwhile: the compiler cannot see that.
      const failed = failure as { readonly error: unknown } | null;
      if (failed !== null) throw failed.error;
    },
  };
}
