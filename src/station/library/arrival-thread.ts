// One worker thread for arrived files. A task that kills it or holds it too long fails; the thread is replaced.
import { Worker } from 'node:worker_threads';
import type { ArrivalAnswer, ArrivalResults, ArrivalTask } from './arrival-worker.ts';

export interface ArrivalThread {
  /** @throws an Error, with a file system's `code` where there is one. */
  run<Kind extends ArrivalTask['kind']>(task: Extract<ArrivalTask, { kind: Kind }>): Promise<ArrivalResults[Kind]>;
  close(): void;
}

interface Waiting {
  resolve(result: ArrivalResults[ArrivalTask['kind']]): void;
  reject(error: Error): void;
  readonly timer: NodeJS.Timeout;
}

export function openArrivalThread(deadlineMs: number): ArrivalThread {
  let worker: Worker | null = null;
  let nextId = 0;
  const waiting = new Map<number, Waiting>();

  function lose(lost: Worker): void {
    if (worker !== lost) return;
    worker = null;
    void lost.terminate();
    for (const [id, { reject, timer }] of waiting) {
      clearTimeout(timer);
      waiting.delete(id);
      reject(new Error('reading it does not end or stops the reader'));
    }
  }

  function start(): Worker {
    const started = new Worker(new URL('./arrival-worker.ts', import.meta.url));
    started.on('message', (answer: ArrivalAnswer) => {
      const asked = waiting.get(answer.id);
      if (asked === undefined) return;
      waiting.delete(answer.id);
      clearTimeout(asked.timer);
      if ('result' in answer) asked.resolve(answer.result);
      else asked.reject(Object.assign(new Error(answer.error.message), { code: answer.error.code }));
    });
    started.on('error', () => lose(started));
    started.on('exit', () => lose(started));
    // What waits for an answer holds the process; an idle thread does not.
    started.unref();
    return started;
  }

  return {
    run<Kind extends ArrivalTask['kind']>(task: Extract<ArrivalTask, { kind: Kind }>) {
      worker ??= start();
      const thread = worker;
      const id = (nextId += 1);
      return new Promise<ArrivalResults[Kind]>((resolve, reject) => {
        // The timer keeps the process alive while the answer is awaited.
        const timer = setTimeout(() => lose(thread), deadlineMs);
        // The worker answers a task with the result of its kind.
        waiting.set(id, { resolve: resolve as Waiting['resolve'], reject, timer });
        thread.postMessage({ id, task }, []);
      });
    },
    close() {
      if (worker !== null) lose(worker);
    },
  };
}
