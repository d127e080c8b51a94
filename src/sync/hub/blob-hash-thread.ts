// Hashes arriving blobs beside the event loop, which has the rest of every transfer to do. It reads what was written, from the
// system's cache: what is checked is what the file holds. A thread that is lost costs time only: the file is read again.
import { Worker } from 'node:worker_threads';
import { hashedAsItComes, hashOf, type OpenPartHash } from '../protocol/part-hash.ts';
import type { FromBlobHashWorker, ToBlobHashWorker } from './blob-hash-worker.ts';

/** Up to here a blob is hashed sooner, in less than a millisecond, than handed over. */
const doneHereBytes = 1024 * 1024;
/** So much more of a file is written before the thread is told again. */
const toldEveryBytes = 1024 * 1024;

export interface BlobHashThread {
  readonly openHash: OpenPartHash;
  close(): Promise<void>;
}

interface Running {
  readonly thread: Worker;
  /** Who waits for a hash; null is told when the thread has none. */
  readonly waiting: Map<number, (hash: string | null) => void>;
}

/** @param options other values only in tests. */
export function openBlobHashThread(options: { readonly doneHere?: number } = {}): BlobHashThread {
  const { doneHere = doneHereBytes } = options;
  let running: Running | null = null;
  let lastId = 0;

  const started = (): Running => {
    const thread = new Worker(new URL('./blob-hash-worker.ts', import.meta.url));
    const waiting: Running['waiting'] = new Map();
    const begun: Running = { thread, waiting };
    const tell = (id: number, hash: string | null): void => {
      waiting.get(id)?.(hash);
      waiting.delete(id);
      // One that nobody waits for does not keep the process alive.
      if (waiting.size === 0) thread.unref();
    };
    const lose = (): void => {
      if (running === begun) running = null;
      for (const id of waiting.keys()) tell(id, null);
    };
    thread.on('message', ({ id, hash }: FromBlobHashWorker) => tell(id, hash));
    thread.on('error', lose).on('exit', lose);
    thread.unref();
    return begun;
  };

  return {
    openHash(part) {
      if (part.blobBytes <= doneHere) return hashedAsItComes(part);
      /** Another one knows nothing of this file. */
      let own: Running;
      try {
        own = running ??= started();
      } catch {
        // The system has none to give now.
        return hashedAsItComes(part);
      }
      const { file, handle, bytes } = part;
      const id = (lastId += 1);
      const { thread, waiting } = own;
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
          if (running !== own) return hashOf(handle);
          const hash = await new Promise<string | null>((resolve) => {
            waiting.set(id, resolve);
            thread.ref();
            say({ kind: 'digest', id, file, bytes: written });
          });
          return hash ?? (await hashOf(handle));
        },
        drop: () => say({ kind: 'drop', id }),
      };
    },
    async close() {
      await running?.thread.terminate();
    },
  };
}
