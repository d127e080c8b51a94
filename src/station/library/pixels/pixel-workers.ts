// A few worker threads that decode frames. A frame whose decoding hangs or kills its thread is refused with the reason, and
// the thread is replaced: codecs are foreign code, and files come from anywhere.
import { Worker } from 'node:worker_threads';
import type { Frame } from '../../../contract/dicom.ts';
import { Fault } from '../../../contract/fault.ts';
import { pixelFaults } from './faults.ts';
import type { FrameAnswered, FrameAsked } from './pixel-worker.ts';

export interface PixelWorkers {
  /**
   * Decodes `frame` (counted from 1) of the DICOM file at `path`. What is wanted `now` goes before everything `ahead`; a frame that
   * was asked for already is decoded once, and with the greater urgency. The pixels are the caller's own. `isReduced`: a large frame
   * with its range and its reduced copies.
   * @throws Fault 107 or 15x–16x with the reason; the workers go on.
   */
  frame(path: string, frame: number, urgency?: Urgency, isReduced?: boolean): Promise<Frame>;
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

export type Urgency = 'now' | 'ahead';

interface Waiter {
  readonly resolve: (frame: Frame) => void;
  readonly reject: (fault: Fault) => void;
}

interface Task {
  readonly asked: FrameAsked;
  readonly waiters: Waiter[];
}

interface Thread {
  readonly worker: Worker;
  task: Task | null;
  timer: NodeJS.Timeout | null;
}

export function openPixelWorkers(count: number, options: PixelWorkersOptions = {}): PixelWorkers {
  const { limitMs = 30_000, heapMiB = 512, script = new URL('./pixel-worker.ts', import.meta.url) } = options;
  const threads = new Set<Thread>();
  const waiting: Readonly<Record<Urgency, Task[]>> = { now: [], ahead: [] };
  let isClosed = false;

  function start(): Thread {
    const worker = new Worker(script, { resourceLimits: { maxOldGenerationSizeMb: heapMiB } });
    const thread: Thread = { worker, task: null, timer: null };
    threads.add(thread);
    worker.on('message', (answered: FrameAnswered) => {
      const task = released(thread);
      if ('frame' in answered) hand(task, answered.frame);
      else refuse(task, new Fault(answered.fault));
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
    refuse(released(thread), fault);
    void thread.worker.terminate();
    serve();
  }

  function serve(): void {
    while (waiting.now.length + waiting.ahead.length > 0) {
      const idle = [...threads].find(({ task }) => task === null) ?? (threads.size < count ? start() : null);
      if (idle === null) return;
      const task = (waiting.now.shift() ?? waiting.ahead.shift())!;
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
    frame(path, frame, urgency = 'now', isReduced = false) {
      return new Promise<Frame>((resolve, reject) => {
        if (isClosed) return reject(pixelFaults.closed());
        const isSame = (task: Task | null): boolean =>
          task?.asked.path === path && task.asked.frame === frame && task.asked.isReduced === isReduced;
        const running = [...threads].find(({ task }) => isSame(task))?.task;
        const task = running ??
          waiting.now.find(isSame) ??
          waiting.ahead.find(isSame) ?? { asked: { path, frame, isReduced }, waiters: [] };
        task.waiters.push({ resolve, reject });
        if (task === running || waiting.now.includes(task)) return;
        const asAhead = waiting.ahead.indexOf(task);
        if (asAhead >= 0 && urgency === 'now') waiting.ahead.splice(asAhead, 1);
        if (asAhead < 0 || urgency === 'now') waiting[urgency].push(task);
        serve();
      });
    },
    async close() {
      isClosed = true;
      const open = [...threads];
      threads.clear();
      for (const queue of Object.values(waiting))
        for (const task of queue.splice(0)) refuse(task, pixelFaults.closed());
      for (const thread of open) refuse(released(thread), pixelFaults.closed());
      await Promise.all(open.map(({ worker }) => worker.terminate()));
    },
  };
}

/** Each waiter gets a frame of its own, whose memory it may give back. */
function hand(task: Task | null, frame: Frame): void {
  const [first, ...others] = task?.waiters ?? [];
  for (const { resolve } of others) resolve({ ...frame, pixels: frame.pixels.slice() });
  first?.resolve(frame);
}

function refuse(task: Task | null, fault: Fault): void {
  for (const { reject } of task?.waiters ?? []) reject(fault);
}

function reasonOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') return 'it ran out of memory';
  return error instanceof Error ? error.message.slice(0, 300) : 'unknown reason';
}
