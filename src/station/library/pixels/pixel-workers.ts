// A few worker threads that decode frames. A frame whose decoding hangs or kills its thread is refused with the reason, and
// the thread is replaced: codecs are foreign code, and files come from anywhere.
import { Worker } from 'node:worker_threads';
import type { Frame } from '../../../contract/dicom.ts';
import { Fault } from '../../../contract/fault.ts';
import { pixelFaults } from './faults.ts';
import type { FrameAnswered, FrameAsked } from './pixel-worker.ts';

export interface PixelWorkers {
  /**
   * Decodes `frame` (counted from 1) of the DICOM file at `path`.
   * @throws Fault 107 or 15x–16x with the reason; the workers go on.
   */
  frame(path: string, frame: number): Promise<Frame>;
  /** Starts a thread where there is none, so that the first frame does not wait for it. */
  prepare(): void;
  /** Ends the threads; what was asked and not answered is refused. */
  close(): Promise<void>;
}

export interface PixelWorkersOptions {
  /** Longest time for one frame, reading its file included. */
  readonly limitMs?: number;
  /** JavaScript heap of one thread. Pixels lie outside of it: their size is checked before they are allocated. */
  readonly heapMiB?: number;
  /** The worker's script; another one only in tests. */
  readonly script?: URL;
}

interface Task {
  readonly asked: FrameAsked;
  readonly resolve: (frame: Frame) => void;
  readonly reject: (fault: Fault) => void;
}

interface Thread {
  readonly worker: Worker;
  task: Task | null;
  timer: NodeJS.Timeout | null;
}

export function openPixelWorkers(count: number, options: PixelWorkersOptions = {}): PixelWorkers {
  const { limitMs = 30_000, heapMiB = 512, script = new URL('./pixel-worker.ts', import.meta.url) } = options;
  const threads = new Set<Thread>();
  const waiting: Task[] = [];
  let isClosed = false;

  function start(): Thread {
    const worker = new Worker(script, { resourceLimits: { maxOldGenerationSizeMb: heapMiB } });
    const thread: Thread = { worker, task: null, timer: null };
    threads.add(thread);
    worker.on('message', (answered: FrameAnswered) => {
      const task = released(thread);
      if ('frame' in answered) task?.resolve(answered.frame);
      else task?.reject(new Fault(answered.fault));
      serve();
    });
    worker.on('error', (error) => lose(thread, pixelFaults.crashed(reasonOf(error))));
    worker.on('exit', (code) => lose(thread, pixelFaults.crashed(`it ended with code ${code}`)));
    // Idle threads do not keep the process alive; a thread with a task does.
    worker.unref();
    return thread;
  }

  function released(thread: Thread): Task | null {
    const { task, timer } = thread;
    if (timer !== null) clearTimeout(timer);
    thread.task = null;
    thread.timer = null;
    thread.worker.unref();
    return task;
  }

  function lose(thread: Thread, fault: Fault): void {
    if (!threads.delete(thread)) return;
    released(thread)?.reject(fault);
    void thread.worker.terminate();
    serve();
  }

  function serve(): void {
    while (waiting.length > 0) {
      const idle = [...threads].find(({ task }) => task === null) ?? (threads.size < count ? start() : null);
      if (idle === null) return;
      const task = waiting.shift()!;
      idle.task = task;
      idle.timer = setTimeout(() => lose(idle, pixelFaults.hung(limitMs)), limitMs);
      const { worker } = idle;
      worker.ref();
      worker.postMessage(task.asked, []);
    }
  }

  return {
    prepare() {
      if (!isClosed && threads.size === 0) start();
    },
    frame(path, frame) {
      return new Promise<Frame>((resolve, reject) => {
        if (isClosed) return reject(pixelFaults.closed());
        waiting.push({ asked: { path, frame }, resolve, reject });
        serve();
      });
    },
    async close() {
      isClosed = true;
      const open = [...threads];
      threads.clear();
      for (const task of waiting.splice(0)) task.reject(pixelFaults.closed());
      for (const thread of open) released(thread)?.reject(pixelFaults.closed());
      await Promise.all(open.map(({ worker }) => worker.terminate()));
    },
  };
}

function reasonOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') return 'it ran out of memory';
  return error instanceof Error ? error.message.slice(0, 300) : 'unknown reason';
}
