// Hashes arriving blobs beside the event loop, which has the rest of every transfer to do. It reads what was written, from the
// system's cache: what is checked is what the file holds. A thread that is lost costs time only: the file is read again.
import { Worker } from 'node:worker_threads';
import { hashOf, type OpenPartHash } from '../protocol/part-hash.ts';
import type { FromBlobHashWorker, ToBlobHashWorker } from './blob-hash-worker.ts';

/** So much more of a file is written before the thread is told again. */
const toldEveryBytes = 1024 * 1024;

export interface BlobHashThread {
  readonly openHash: OpenPartHash;
  close(): Promise<void>;
}

export function openBlobHashThread(): BlobHashThread {
  let worker: Worker | null = null;
  let lastId = 0;
  /** Who waits for a hash; null is told when the thread has none. */
  const waiting = new Map<number, (hash: string | null) => void>();

  const lose = (thread: Worker): void => {
    if (worker === thread) worker = null;
    for (const tell of waiting.values()) tell(null);
    waiting.clear();
  };
  const started = (): Worker => {
    const thread = new Worker(new URL('./blob-hash-worker.ts', import.meta.url));
    thread.on('message', ({ id, hash }: FromBlobHashWorker) => {
      waiting.get(id)?.(hash);
      waiting.delete(id);
    });
    thread.on('error', () => lose(thread)).on('exit', () => lose(thread));
    thread.unref();
    return thread;
  };

  return {
    openHash({ file, handle, bytes }) {
      const id = (lastId += 1);
      worker ??= started();
      /** Another one knows nothing of this file. */
      const thread = worker;
      const say = (message: ToBlobHashWorker): void => thread.postMessage(message, []);
      let written = bytes;
      let told = 0;
      return {
        came: () => {},
        written(now) {
          written = now;
          if (written - told < toldEveryBytes) return;
          told = written;
          say({ kind: 'written', id, file, bytes: written });
        },
        async digest() {
          if (worker !== thread) return hashOf(handle);
          const hash = await new Promise<string | null>((resolve) => {
            waiting.set(id, resolve);
            say({ kind: 'digest', id, file, bytes: written });
          });
          return hash ?? (await hashOf(handle));
        },
        drop: () => say({ kind: 'drop', id }),
      };
    },
    async close() {
      await worker?.terminate();
    },
  };
}
