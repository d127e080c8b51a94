// A few header worker threads, kept between imports for a while: to start one takes longer than to read a hundred headers.
// A file that kills its thread, or holds it for longer than the deadline, is found by reading its batch again one by one,
// and refused; the others are read as if nothing had happened.
import { Worker } from 'node:worker_threads';
import type { HeaderBatch } from './header-worker.ts';
import type { Candidate } from './intake/candidate.ts';
import type { CandidateOutcome, ReadingPlace } from './intake/read-candidate.ts';

export interface HeaderWorkers {
  /** Starts the threads that are not running yet, and reads for one import. */
  reading(place: ReadingPlace): HeaderReading;
  close(): Promise<void>;
}

export interface HeaderReading {
  /** Outcomes in the order of `candidates`; none where `signal` was aborted before a thread was free. Never rejects. */
  read(candidates: readonly Candidate[], signal: AbortSignal): Promise<CandidateOutcome[]>;
  /** Threads that read at once. */
  readonly count: number;
}

export interface HeaderWorkersOptions {
  readonly count: number;
  /** Longest time for one batch. */
  readonly deadlineMs: number;
  /** Longest time for a file whose batch did not end, read by itself; then it is refused. A copy may take a whole batch's. */
  readonly singleDeadlineMs: number;
}

/** Idle threads are ended after this time. */
const keptMs = 60_000;

export function openHeaderWorkers({ count, deadlineMs, singleDeadlineMs }: HeaderWorkersOptions): HeaderWorkers {
  const idle: Worker[] = [];
  const all = new Set<Worker>();
  const waiting: ((worker: Worker) => void)[] = [];
  let ending: NodeJS.Timeout | null = null;

  function start(): Worker {
    const worker = new Worker(new URL('./header-worker.ts', import.meta.url));
    // A thread that is lost is replaced where its batch is handled.
    worker.on('error', () => {});
    // What waits for a batch holds the process; an idle thread does not.
    worker.unref();
    all.add(worker);
    return worker;
  }

  function endIdle(): void {
    for (const worker of idle.splice(0)) {
      all.delete(worker);
      void worker.terminate();
    }
  }

  function release(worker: Worker): void {
    const next = waiting.shift();
    if (next !== undefined) {
      next(worker);
      return;
    }
    idle.push(worker);
    if (ending !== null) clearTimeout(ending);
    ending = setTimeout(endIdle, keptMs).unref();
  }

  function take(): Promise<Worker> {
    const worker = idle.pop();
    if (worker !== undefined) return Promise.resolve(worker);
    if (all.size < count) return Promise.resolve(start());
    return new Promise((resolve) => waiting.push(resolve));
  }

  /** One batch on one thread; null where the thread died or did not answer in time. */
  async function attempt(
    batch: HeaderBatch,
    signal: AbortSignal,
    limitMs = deadlineMs,
  ): Promise<CandidateOutcome[] | null> {
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
      // Written by our own header-worker.ts.
      const onMessage = (text: string): void => settle(JSON.parse(text) as CandidateOutcome[]);
      const onExit = (): void => settle(null);
      const timer = setTimeout(() => settle(null), limitMs);
      worker.once('message', onMessage).once('exit', onExit);
      worker.postMessage(batch, []);
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

  async function read(
    candidates: readonly Candidate[],
    place: ReadingPlace,
    signal: AbortSignal,
  ): Promise<CandidateOutcome[]> {
    const outcomes = await attempt({ candidates, place }, signal);
    if (outcomes !== null) return outcomes;
    const singly: CandidateOutcome[] = [];
    for (const candidate of candidates) {
      const limitMs = place.copiesAll ? deadlineMs : singleDeadlineMs;
      const one = await attempt({ candidates: [candidate], place }, signal, limitMs);
      const reason = 'Reading this file does not end or stops the reader.';
      singly.push(...(one ?? [{ kind: 'refused' as const, path: candidate.source, reason }]));
    }
    return singly;
  }

  return {
    reading(place) {
      while (all.size < count) idle.push(start());
      return { count, read: (candidates, signal) => read(candidates, place, signal) };
    },
    async close() {
      if (ending !== null) clearTimeout(ending);
      await Promise.all([...all].map((worker) => worker.terminate()));
    },
  };
}
