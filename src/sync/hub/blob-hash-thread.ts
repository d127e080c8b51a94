// Hashes arriving blobs beside the event loop, which has the rest of every transfer to do. It reads what was written, from the
// system's cache: what is checked is what the file holds. A thread that is lost costs time only: the file is read again.
import { Worker } from 'node:worker_threads';
import { hashedAsItComes, hashOf, type OpenPartHash } from '../protocol/part-hash.ts';
import type { FromBlobHashWorker, ToBlobHashWorker } from './blob-hash-worker.ts';

/** Up to here a blob is hashed sooner, in less than a millisecond, than handed over. */
const doneHereBytes = 1024 * 1024;
/** So much more of a file is written before the thread is told again. */
const toldEveryBytes = 1024 * 1024;
/** Written bytes of all blobs that may wait to be hashed before no more are written: some 20 ms of the thread's work. */
const mostUnhashedBytes = 32 * 1024 * 1024;

export interface BlobHashThread {
  readonly openHash: OpenPartHash;
  close(): Promise<void>;
}

interface Running {
  readonly thread: Worker;
  /** Who waits for a hash; null is told when the thread has none. */
  readonly waiting: Map<number, (hash: string | null) => void>;
  /** Of each blob, up to which byte the thread was told to hash, and has. */
  readonly parts: Map<number, { told: number; hashed: number }>;
  /** Who waits until there is room again. */
  readonly crowd: (() => void)[];
}

/** @param options other values only in tests. */
export function openBlobHashThread(
  options: { readonly doneHere?: number; readonly mostUnhashed?: number } = {},
): BlobHashThread {
  const { doneHere = doneHereBytes, mostUnhashed = mostUnhashedBytes } = options;
  let running: Running | null = null;
  let lastId = 0;

  const isCrowded = ({ parts }: Running): boolean =>
    [...parts.values()].reduce((sum, { told, hashed }) => sum + told - hashed, 0) > mostUnhashed;
  /** Less is to be hashed, or nobody waits for a hash any more. */
  const eased = (own: Running): void => {
    if (!isCrowded(own)) for (const enter of own.crowd.splice(0)) enter();
    // One that nobody waits for does not keep the process alive.
    if (own.waiting.size === 0 && own.crowd.length === 0) own.thread.unref();
  };

  const started = (): Running => {
    const thread = new Worker(new URL('./blob-hash-worker.ts', import.meta.url));
    const waiting: Running['waiting'] = new Map();
    const begun: Running = { thread, waiting, parts: new Map(), crowd: [] };
    const tell = (id: number, hash: string | null): void => {
      waiting.get(id)?.(hash);
      waiting.delete(id);
      begun.parts.delete(id);
      eased(begun);
    };
    const lose = (): void => {
      if (running === begun) running = null;
      begun.parts.clear();
      for (const id of waiting.keys()) tell(id, null);
      eased(begun);
    };
    thread.on('message', (message: FromBlobHashWorker) => {
      if (message.kind === 'digest') return tell(message.id, message.hash);
      const part = begun.parts.get(message.id);
      if (part === undefined) return;
      part.hashed = message.bytes;
      eased(begun);
    });
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
      const { thread, waiting, parts, crowd } = own;
      const say = (message: ToBlobHashWorker): void => thread.postMessage(message, []);
      let written = bytes;
      const progress = { told: bytes, hashed: bytes };
      parts.set(id, progress);
      return {
        came: () => {},
        written(now) {
          written = now;
          if (written - progress.told < toldEveryBytes || running !== own) return;
          progress.told = written;
          say({ kind: 'written', id, file, bytes: written });
          if (!isCrowded(own)) return;
          thread.ref();
          return new Promise((resolve) => void crowd.push(resolve));
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
        drop() {
          say({ kind: 'drop', id });
          parts.delete(id);
          eased(own);
        },
      };
    },
    async close() {
      await running?.thread.terminate();
    },
  };
}
