// The worker thread behind blob-hash-thread.ts: reads files as they grow and hashes what it reads.
import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { parentPort } from 'node:worker_threads';

export type ToBlobHashWorker =
  | { readonly kind: 'written'; readonly id: number; readonly file: string; readonly bytes: number }
  /** Answered with the hash of the first `bytes` bytes. */
  | { readonly kind: 'digest'; readonly id: number; readonly file: string; readonly bytes: number }
  | { readonly kind: 'drop'; readonly id: number };

export type FromBlobHashWorker =
  | { readonly kind: 'hashed'; readonly id: number; readonly bytes: number }
  /** `hash` null: the file could not be read. */
  | { readonly kind: 'digest'; readonly id: number; readonly hash: string | null };

interface Open {
  readonly handle: number;
  readonly hash: Hash;
  bytes: number;
}

// As `imagiq hub` does for its own code: a thread that has to compile this anew takes 16 MB more.
flushCompileCache();

/** As much as stays in a processor's own cache until it is hashed. */
const piece = Buffer.allocUnsafeSlow(256 * 1024);
/** Null: reading it failed. */
const open = new Map<number, Open | null>();

parentPort?.on('message', (message: ToBlobHashWorker) => {
  if (message.kind === 'drop') return drop(message.id);
  const { id, file, bytes } = message;
  try {
    readOn(id, file, bytes);
  } catch {
    drop(id);
    open.set(id, null);
  }
  if (message.kind === 'written') return tell({ kind: 'hashed', id, bytes });
  const hash = open.get(id)?.hash.digest('hex') ?? null;
  // Whoever hears of it may move the file, or remove it: on Windows not while it is open here.
  drop(id);
  tell({ kind: 'digest', id, hash });
});

function tell(message: FromBlobHashWorker): void {
  parentPort?.postMessage(message, []);
}

function readOn(id: number, file: string, bytes: number): void {
  let at = open.get(id);
  if (at === null) return;
  if (at === undefined) {
    at = { handle: openSync(file, 'r'), hash: createHash('sha256'), bytes: 0 };
    open.set(id, at);
  }
  while (at.bytes < bytes) {
    const read = readSync(at.handle, piece, 0, Math.min(piece.length, bytes - at.bytes), at.bytes);
    if (read === 0) throw new Error('the file is shorter');
    at.hash.update(piece.subarray(0, read));
    at.bytes += read;
  }
}

function drop(id: number): void {
  const at = open.get(id);
  open.delete(id);
  if (at) closeSync(at.handle);
}
