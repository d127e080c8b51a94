// An unfinished blob on disk. Whoever brings the same blob at the same moment adds to the same file: what one has brought the others
// need not send. The disk works beside the event loop: a slow one delays acknowledgements and nothing else.
import { createHash } from 'node:crypto';
import { close, closeSync, fstatSync, fsync, openSync, read, write } from 'node:fs';
import { promisify } from 'node:util';
import { wireFault } from './faults.ts';
import { wireLimits } from './limits.ts';

const [readFrom, writeTo, sync, closed] = [promisify(read), promisify(write), promisify(fsync), promisify(close)];

export interface BlobReception {
  readonly hash: string;
  /** Bytes that are here: the other end sends from here. */
  readonly offset: number;
  /**
   * Takes the next bytes; those that another transfer brought meanwhile are left out.
   * @returns how many bytes of the blob are on disk, once these are. @throws Fault 401 when they do not continue what is here.
   */
  append(offset: number, payload: Uint8Array): Promise<number>;
  /** Checks the hash, syncs and stores. @throws Fault 404 for other bytes, which are thrown away. */
  finish(): Promise<void>;
  /** Keeps what arrived for the next attempt. */
  suspend(): void;
}

export interface BlobPart {
  /** One more transfer that brings the blob, of `bytes` bytes. */
  reception(bytes: number): BlobReception;
  /** Suspends all of them; resolves when nothing is written any more. */
  close(): Promise<void>;
}

export function openBlobPart(order: {
  readonly hash: string;
  readonly file: string;
  /** Of all parts of the folder: what waits for the disk, in bytes. */
  readonly unwritten: { bytes: number };
  /** Puts the synced file where whole blobs are. */
  readonly store: () => Promise<void>;
  /** Throws the file away. */
  readonly discard: () => void;
  /** The next reception of the blob is of another part. */
  readonly onEnded: () => void;
}): BlobPart {
  const { hash, file, unwritten } = order;
  const handle = openSync(file, 'a+', 0o600);
  /** Bytes that were taken, and of these the ones on disk. */
  let taken = fstatSync(handle).size;
  let written = taken;
  let writing: Promise<void> = Promise.resolve();
  let storing: Promise<void> | null = null;
  let isClosed = false;
  const open = new Set<object>();

  const append = async (payload: Uint8Array): Promise<void> => {
    for (let done = 0; done < payload.length;) {
      done += (await writeTo(handle, payload, done, payload.length - done, null)).bytesWritten;
    }
    written += payload.length;
  };
  const store = async (bytes: number): Promise<void> => {
    try {
      await writing;
      const isRight = written === bytes && (await hashOf(handle)) === hash;
      try {
        if (!isRight) throw wireFault.wrongHash();
        await sync(handle);
      } catch (thrown) {
        closeNow();
        order.discard();
        throw thrown;
      }
      isClosed = true;
      await closed(handle);
      await order.store();
    } finally {
      closeNow();
      order.onEnded();
    }
  };
  const closeNow = (): void => {
    if (isClosed) return;
    isClosed = true;
    closeSync(handle);
  };
  const closeUnused = async (): Promise<void> => {
    await writing.catch(() => {});
    if (open.size > 0 || storing !== null || isClosed) return;
    closeNow();
    order.onEnded();
  };

  return {
    reception(bytes) {
      let next = taken;
      const reception: BlobReception = {
        hash,
        get offset() {
          return taken;
        },
        async append(at, payload) {
          if (!open.has(reception)) throw wireFault.superseded();
          if (at < next || at > taken || at + payload.length > bytes) {
            throw wireFault.malformedChunk('it does not continue the transfer');
          }
          next = at + payload.length;
          // Another transfer has brought all of it, right or wrong: put-end will say.
          if (storing !== null) return bytes;
          const fresh = payload.subarray(taken - at);
          if (fresh.length > 0) {
            taken += fresh.length;
            unwritten.bytes += fresh.length;
            writing = writing
              .then(() => append(fresh))
              .finally(() => {
                unwritten.bytes -= fresh.length;
              });
            // Once the disk failed, a next attempt begins with what is on it.
            writing.catch(order.onEnded);
          }
          await writing;
          return Math.min(written, bytes);
        },
        async finish() {
          if (!open.delete(reception)) throw wireFault.superseded();
          // One that ends early spoils nothing for the others.
          if (storing === null && taken !== bytes && open.size > 0) throw wireFault.wrongHash();
          storing ??= store(bytes);
          await storing;
        },
        suspend() {
          if (open.delete(reception)) void closeUnused();
        },
      };
      open.add(reception);
      return reception;
    },
    async close() {
      open.clear();
      await storing?.catch(() => {});
      await closeUnused();
    },
  };
}

/** Read in pieces, so that memory stays small for a large blob. */
async function hashOf(handle: number): Promise<string> {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(wireLimits.chunkBytes);
  for (let position = 0; ;) {
    const { bytesRead } = await readFrom(handle, piece, 0, piece.length, position);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(piece.subarray(0, bytesRead));
    position += bytesRead;
  }
}
