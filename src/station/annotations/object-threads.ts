// A thread or two that read objects which may be large. A task that kills its thread or holds it too long is refused with the
// reason, and the thread is replaced.
import { Worker } from 'node:worker_threads';
import { Fault } from '../../contract/fault.ts';
import { annotationFaults } from './faults.ts';
import type { ObjectAnswer, ObjectTask, ObjectTasks } from './object-worker.ts';

export interface ObjectThreads {
  /** @throws Fault 108, 62x with the reason; the threads go on. */
  ask<Kind extends keyof ObjectTasks>(
    kind: Kind,
    asked: ObjectTasks[Kind]['asked'],
  ): Promise<ObjectTasks[Kind]['answered']>;
  /** What was asked and not answered is refused. */
  close(): void;
}

export interface ObjectThreadsOptions {
  readonly count: number;
  /** Longest time for one task, reading its file included. */
  readonly deadlineMs: number;
  /** JavaScript heap of one thread. */
  readonly heapMiB?: number;
  /** The worker's script; another one only in tests. */
  readonly script?: URL;
}

interface Waiting {
  readonly task: ObjectTask;
  resolve(answered: ObjectTasks[keyof ObjectTasks]['answered']): void;
  reject(fault: Fault): void;
}

interface Thread {
  readonly worker: Worker;
  serving: Waiting | null;
  timer: NodeJS.Timeout | null;
}

export function openObjectThreads(options: ObjectThreadsOptions): ObjectThreads {
  const { count, deadlineMs, heapMiB = 1_024, script = new URL('./object-worker.ts', import.meta.url) } = options;
  const threads = new Set<Thread>();
  const waiting: Waiting[] = [];
  let isClosed = false;

  function start(): Thread {
    const worker = new Worker(script, { resourceLimits: { maxOldGenerationSizeMb: heapMiB } });
    const thread: Thread = { worker, serving: null, timer: null };
    threads.add(thread);
    worker.on('message', (answer: ObjectAnswer) => {
      const served = released(thread);
      if ('fault' in answer) served?.reject(new Fault(answer.fault));
      else served?.resolve(answer.answered);
      serve();
    });
    worker.on('error', (error) => lose(thread, annotationFaults.crashed(String(error.message).slice(0, 300))));
    worker.on('exit', (code) => lose(thread, annotationFaults.crashed(`it ended with code ${code}`)));
    worker.unref();
    return thread;
  }

  function released(thread: Thread): Waiting | null {
    const { serving, timer } = thread;
    if (timer !== null) clearTimeout(timer);
    thread.serving = null;
    thread.timer = null;
    return serving;
  }

  function lose(thread: Thread, fault: Fault): void {
    if (!threads.delete(thread)) return;
    released(thread)?.reject(fault);
    void thread.worker.terminate();
    serve();
  }

  function serve(): void {
    while (waiting.length > 0) {
      const idle = [...threads].find(({ serving }) => serving === null) ?? (threads.size < count ? start() : null);
      if (idle === null) return;
      const next = waiting.shift()!;
      idle.serving = next;
      // The timer also keeps the process alive while the answer is awaited; an idle thread does not.
      idle.timer = setTimeout(() => lose(idle, annotationFaults.hung(deadlineMs)), deadlineMs);
      idle.worker.postMessage(next.task, []);
    }
  }

  return {
    ask<Kind extends keyof ObjectTasks>(kind: Kind, asked: ObjectTasks[Kind]['asked']) {
      return new Promise<ObjectTasks[Kind]['answered']>((resolve, reject) => {
        if (isClosed) return reject(annotationFaults.closed());
        // The worker answers a task with what belongs to its kind.
        waiting.push({ task: { kind, asked } as ObjectTask, resolve: resolve as Waiting['resolve'], reject });
        serve();
      });
    },
    close() {
      isClosed = true;
      for (const { reject } of waiting.splice(0)) reject(annotationFaults.closed());
      for (const thread of threads) lose(thread, annotationFaults.closed());
    },
  };
}
