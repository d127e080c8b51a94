// The threads that read images for models: started when a model is first run, ended when none was for a while.
import os from 'node:os';
import { openShardThreads, type ShardThreads } from '../cohorts/shard-threads.ts';

export interface ReadingThreads {
  /** Lends them for one piece of work. */
  use<Value>(work: (threads: ShardThreads) => Promise<Value>): Promise<Value>;
  close(): Promise<void>;
}

/** The rest of the machine is its user's. */
const count = Math.max(1, Math.min(4, os.availableParallelism() - 1));
const idleMs = 30_000;

export function readingThreads(): ReadingThreads {
  let threads: ShardThreads | null = null;
  let users = 0;
  let timer: NodeJS.Timeout | undefined;
  const end = async (): Promise<void> => {
    clearTimeout(timer);
    const ending = threads;
    threads = null;
    await ending?.close();
  };
  return {
    async use(work) {
      clearTimeout(timer);
      threads ??= openShardThreads({ count });
      users += 1;
      try {
        return await work(threads);
      } finally {
        users -= 1;
        if (users === 0) timer = setTimeout(() => void end(), idleMs).unref();
      }
    },
    close: end,
  };
}
