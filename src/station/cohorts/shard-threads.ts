// A few threads that make shards. An image that hangs or kills its thread is left out with the reason, and the shard is made
// again without it by a new thread.
import { Worker } from 'node:worker_threads';
import { Fault } from '../../contract/fault.ts';
import { cohortFaults } from './faults.ts';
import type {
  AnyTask,
  Extent,
  MeasureTask,
  ReadImage,
  ReadTask,
  RecallTask,
  ShardNews,
  ShardTask,
  WrittenShard,
} from './shard-task.ts';

export interface ShardThreads {
  /** Calls back for each example when it is done with. @throws Fault 603 when the disk is full. */
  build(task: ShardTask, onExample: () => void): Promise<WrittenShard>;
  /** Null where none of these images tells its spacing. */
  measure(task: MeasureTask): Promise<Extent | null>;
  /** Images in the order of the task; of one that cannot be read, the reason. */
  read(task: ReadTask): Promise<readonly (ReadImage | { readonly reason: string })[]>;
  /** A shard that was written earlier, without its images; null where it is not whole. */
  recall(task: RecallTask): Promise<WrittenShard | null>;
  /** Ends the threads; what is not written is not there. */
  close(): Promise<void>;
}

export interface ShardThreadsOptions {
  readonly count: number;
  /** Longest time for one example, reading its files included. */
  readonly limitMs?: number;
  readonly heapMiB?: number;
  /** The worker's script; another one only in tests. */
  readonly script?: URL;
}

interface Waiting {
  readonly take: (worker: Worker | Fault) => void;
}

export function openShardThreads(options: ShardThreadsOptions): ShardThreads {
  const { count, limitMs = 60_000, heapMiB = 512, script = new URL('./shard-worker.ts', import.meta.url) } = options;
  const idle: Worker[] = [];
  const all = new Set<Worker>();
  const waiting: Waiting[] = [];
  let isClosed = false;

  const closed = (): Fault => cohortFaults.notFinished('the work was ended.');

  function taken(): Promise<Worker> {
    return new Promise((resolve, reject) => {
      const take = (worker: Worker | Fault): void => (worker instanceof Fault ? reject(worker) : resolve(worker));
      if (isClosed) return take(closed());
      const free = idle.pop();
      if (free !== undefined) return take(free);
      if (all.size >= count) return void waiting.push({ take });
      take(started());
    });
  }

  function started(): Worker {
    const worker = new Worker(script, { resourceLimits: { maxOldGenerationSizeMb: heapMiB } });
    all.add(worker);
    // What ends it is told to who waits for its answer.
    worker.on('error', () => {});
    return worker;
  }

  function released(worker: Worker): void {
    const next = waiting.shift();
    if (next !== undefined) next.take(worker);
    else idle.push(worker);
  }

  function lost(worker: Worker): void {
    all.delete(worker);
    void worker.terminate();
    if (isClosed) return;
    const next = waiting.shift();
    if (next !== undefined) next.take(started());
  }

  /** The thread's last word; or, where it was lost, at which example and why. */
  async function ask(
    task: AnyTask,
    onExample: (index: number) => void,
  ): Promise<ShardNews | { kind: 'lost'; at: number; reason: string }> {
    const worker = await taken();
    return new Promise((resolve) => {
      let at = 0;
      let timer: NodeJS.Timeout;
      const end = (answer: Awaited<ReturnType<typeof ask>>): void => {
        clearTimeout(timer);
        worker.off('message', hear).off('error', fail).off('exit', exit);
        if (answer.kind === 'lost') lost(worker);
        else released(worker);
        resolve(answer);
      };
      const loseAt = (reason: string): void => end({ kind: 'lost', at, reason });
      const watch = (): void => {
        clearTimeout(timer);
        timer = setTimeout(() => loseAt(`Reading an image took longer than ${limitMs / 1_000} s.`), limitMs);
      };
      const hear = (news: ShardNews): void => {
        if (news.kind !== 'example') return end(news);
        at = news.index + 1;
        onExample(news.index);
        watch();
      };
      const fail = (error: Error): void => loseAt(`Reading an image ended its thread: ${error.message.slice(0, 200)}`);
      const exit = (code: number): void => loseAt(`Reading an image ended its thread with code ${code}.`);
      worker.on('message', hear).on('error', fail).on('exit', exit);
      watch();
      worker.postMessage(task, []);
    });
  }

  return {
    async build(task, onExample) {
      const skipped = [...task.skipped];
      // A shard that is made again tells its first examples again.
      let told = 0;
      for (;;) {
        const answer = await ask({ ...task, skipped }, (index) => {
          if (index < told) return;
          told = index + 1;
          onExample();
        });
        if (answer.kind === 'shard') return answer.shard;
        if (answer.kind === 'fault') throw new Fault(answer.fault);
        if (isClosed || answer.kind !== 'lost') throw closed();
        // Lost while it wrote, not while it read: that would happen again.
        if (answer.at >= task.examples.length) throw cohortFaults.notFinished(answer.reason);
        skipped.push({ index: answer.at, reason: answer.reason });
      }
    },
    async read(task) {
      const skipped = [...task.skipped];
      for (;;) {
        const answer = await ask({ ...task, skipped }, () => {});
        if (answer.kind === 'images') return answer.images;
        if (answer.kind === 'fault') throw new Fault(answer.fault);
        if (isClosed || answer.kind !== 'lost') throw closed();
        if (answer.at >= task.read.length) throw cohortFaults.notFinished(answer.reason);
        skipped.push({ index: answer.at, reason: answer.reason });
      }
    },
    async measure(task) {
      const answer = await ask(task, () => {});
      return answer.kind === 'extent' ? answer.extent : null;
    },
    async recall(task) {
      const answer = await ask(task, () => {});
      if (isClosed) throw closed();
      return answer.kind === 'recalled' ? answer.shard : null;
    },
    async close() {
      isClosed = true;
      for (const { take } of waiting.splice(0)) take(closed());
      await Promise.all([...all].map((worker) => worker.terminate()));
    },
  };
}
