// A few header worker threads. A file that kills its thread, or holds it for longer than the deadline, is found by
// reading its batch again one by one, and refused; the others are read as if nothing had happened.
import { Worker } from 'node:worker_threads';
import type { HeaderWorkerSetUp } from './header-worker.ts';
import type { ReadOutcome } from './read-instance.ts';

export interface HeaderWorkers {
  /** Outcomes in the order of `paths`; none where `signal` was aborted before a thread was free. Never rejects. */
  read(paths: readonly string[], signal: AbortSignal): Promise<ReadOutcome[]>;
  readonly count: number;
  close(): Promise<void>;
}

export interface HeaderWorkersOptions {
  readonly count: number;
  readonly copyFolder: string | null;
  /** Longest time for one batch; twice in a row on a single file refuses it. */
  readonly deadlineMs: number;
}

export function openHeaderWorkers({ count, copyFolder, deadlineMs }: HeaderWorkersOptions): HeaderWorkers {
  const idle: Worker[] = [];
  const all = new Set<Worker>();
  const waiting: ((worker: Worker) => void)[] = [];

  function start(): Worker {
    const setUp: HeaderWorkerSetUp = { copyFolder };
    const worker = new Worker(new URL('./header-worker.ts', import.meta.url), { workerData: setUp });
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
  async function attempt(paths: readonly string[], signal: AbortSignal): Promise<ReadOutcome[] | null> {
    const worker = await take();
    if (signal.aborted) {
      release(worker);
      return [];
    }
    const outcomes = await new Promise<ReadOutcome[] | null>((resolve) => {
      const settle = (value: ReadOutcome[] | null): void => {
        clearTimeout(timer);
        worker.off('message', onMessage).off('exit', onExit);
        resolve(value);
      };
      const onMessage = (value: ReadOutcome[]): void => settle(value);
      const onExit = (): void => settle(null);
      const timer = setTimeout(() => settle(null), deadlineMs);
      worker.once('message', onMessage).once('exit', onExit);
      worker.postMessage(paths, []);
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
    async read(paths, signal) {
      const outcomes = await attempt(paths, signal);
      if (outcomes !== null) return outcomes;
      const singly: ReadOutcome[] = [];
      for (const path of paths) {
        const one = await attempt([path], signal);
        singly.push(
          ...(one ?? [
            { kind: 'refused' as const, path, reason: 'Reading this file does not end or stops the reader.' },
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
