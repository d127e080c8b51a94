// A few header worker threads. A file that kills its thread, or holds it for longer than the deadline, is found by
// reading its batch again one by one, and refused; the others are read as if nothing had happened.
import { Worker } from 'node:worker_threads';
import type { Candidate } from './intake/candidate.ts';
import type { CandidateOutcome, ReadingPlace } from './intake/read-candidate.ts';

export interface HeaderWorkers {
  /** Outcomes in the order of `candidates`; none where `signal` was aborted before a thread was free. Never rejects. */
  read(candidates: readonly Candidate[], signal: AbortSignal): Promise<CandidateOutcome[]>;
  readonly count: number;
  close(): Promise<void>;
}

export interface HeaderWorkersOptions {
  readonly count: number;
  readonly place: ReadingPlace;
  /** Longest time for one batch; twice in a row on a single file refuses it. */
  readonly deadlineMs: number;
}

export function openHeaderWorkers({ count, place, deadlineMs }: HeaderWorkersOptions): HeaderWorkers {
  const idle: Worker[] = [];
  const all = new Set<Worker>();
  const waiting: ((worker: Worker) => void)[] = [];

  function start(): Worker {
    const worker = new Worker(new URL('./header-worker.ts', import.meta.url), { workerData: place });
    // A thread that is lost is replaced where its batch is handled.
    worker.on('error', () => {});
    all.add(worker);
    return worker;
  }

  function release(worker: Worker): void {
    const next = waiting.shift();
    if (next === undefined) idle.push(worker);
    else next(worker);
  }

  function take(): Promise<Worker> {
    const worker = idle.pop();
    if (worker !== undefined) return Promise.resolve(worker);
    if (all.size < count) return Promise.resolve(start());
    return new Promise((resolve) => waiting.push(resolve));
  }

  /** One batch on one thread; null where the thread died or did not answer in time. */
  async function attempt(candidates: readonly Candidate[], signal: AbortSignal): Promise<CandidateOutcome[] | null> {
    const worker = await take();
    if (signal.aborted) {
      release(worker);
      return [];
    }
    const outcomes = await new Promise<CandidateOutcome[] | null>((resolve) => {
      const settle = (value: CandidateOutcome[] | null): void => {
        clearTimeout(timer);
        worker.off('message', onMessage).off('exit', onExit);
        resolve(value);
      };
      const onMessage = (value: CandidateOutcome[]): void => settle(value);
      const onExit = (): void => settle(null);
      const timer = setTimeout(() => settle(null), deadlineMs);
      worker.once('message', onMessage).once('exit', onExit);
      worker.postMessage(candidates, []);
    });
    if (outcomes !== null) release(worker);
    else {
      all.delete(worker);
      // Not awaited: a thread that hangs inside a system call (a network folder that is gone) cannot be ended.
      void worker.terminate();
      if (waiting.length > 0) waiting.shift()!(start());
    }
    return outcomes;
  }

  return {
    count,
    async read(candidates, signal) {
      const outcomes = await attempt(candidates, signal);
      if (outcomes !== null) return outcomes;
      const singly: CandidateOutcome[] = [];
      for (const candidate of candidates) {
        const one = await attempt([candidate], signal);
        singly.push(
          ...(one ?? [
            {
              kind: 'refused' as const,
              path: candidate.source,
              reason: 'Reading this file does not end or stops the reader.',
            },
          ]),
        );
      }
      return singly;
    },
    async close() {
      await Promise.all([...all].map((worker) => worker.terminate()));
    },
  };
}
