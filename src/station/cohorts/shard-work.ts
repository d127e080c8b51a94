// The threads of one build, and its shards one after the other as the workstation's rules allow.
import os from 'node:os';
import type { WorkRules } from '../neighbour/work-rules.ts';
import { openShardThreads, type ShardThreads } from './shard-threads.ts';

/** Shards made at once, at most. The rest of the machine is its user's. */
const mostThreads = Math.max(1, Math.min(4, os.availableParallelism() - 1));

export interface ShardWork {
  readonly threads: ShardThreads;
  /** Resolves when work may go on. */
  turn(): Promise<void>;
  /** Works on each piece when it may, as many at once as there are threads, and one that waits. The answers in the order of the pieces. */
  each<Piece, Value>(pieces: Iterable<Piece>, work: (piece: Piece) => Promise<Value>): Promise<Value[]>;
  close(): Promise<void>;
}

/** Opens threads that end with the signal. */
export function openShardWork(parts: {
  readonly rules: WorkRules;
  readonly signal: AbortSignal;
  readonly onWait: (reason: string | null) => void;
}): ShardWork {
  const { rules, signal, onWait } = parts;
  const count = Math.max(1, Math.min(mostThreads, rules.threads()));
  const threads = openShardThreads({ count });
  const abort = (): void => void threads.close();
  signal.addEventListener('abort', abort);
  let workedMs = 0;
  const turn = (): Promise<void> => {
    const worked = workedMs;
    workedMs = 0;
    return rules.turn({ workedMs: worked, signal, onWait });
  };
  return {
    threads,
    turn,
    async each(pieces, work) {
      type Answer = ReturnType<typeof work>;
      const underWay = new Set<Answer>();
      const all: Answer[] = [];
      for (const piece of pieces) {
        await turn();
        const began = performance.now();
        const working: Answer = work(piece).finally(() => {
          underWay.delete(working);
          workedMs += (performance.now() - began) / count;
        });
        // Who waits for it hears of it, after those that were begun before.
        working.catch(() => {});
        underWay.add(working);
        all.push(working);
        if (underWay.size > count) await Promise.race(underWay);
      }
      return Promise.all(all);
    },
    async close() {
      signal.removeEventListener('abort', abort);
      await threads.close();
    },
  };
}
