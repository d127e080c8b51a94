// An unfinished blob on disk. Whoever brings the same blob at the same moment adds to the same file: what one has brought the others
// need not send. The disk works beside the event loop: a slow one delays acknowledgements and nothing else. It begins to sync while the
// rest still arrives, so that little is left to wait for at the end.
import { close, closeSync, fdatasync, fstatSync, fsync, openSync, writev } from 'node:fs';
import { setImmediate as loopTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { wireFault } from './faults.ts';
import type { OpenPartHash } from './part-hash.ts';

const [writeTo, syncBytes] = [promisify(writev), promisify(fdatasync)];
const [sync, closed] = [promisify(fsync), promisify(close)];

/** So much of a part is written before it is synced on the way, and so many parts of a folder are at a time: the others write on. */
const earlySync = { bytes: 8 * 1024 * 1024, parts: 2 };

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

/** What all parts of a folder ask of the disk. */
export interface DiskLoad {
  /** Received bytes that are not written yet. */
  unwrittenBytes: number;
  /** Parts that are synced on the way. */
  earlySyncs: number;
}

export function openBlobPart(order: {
  readonly hash: string;
  readonly file: string;
  /** Of the whole blob, by whoever brings it first. */
  readonly bytes: number;
  readonly disk: DiskLoad;
  readonly openHash: OpenPartHash;
  /** Puts the synced file where whole blobs are. */
  readonly store: () => Promise<void>;
  /** Throws the file away. */
  readonly discard: () => void;
  /** The next reception of the blob is of another part. */
  readonly onEnded: () => void;
}): BlobPart {
  const { hash, file, disk } = order;
  const handle = openSync(file, 'a+', 0o600);
  /** Bytes that were taken, of these the ones on disk, and of these the ones that were synced. */
  let taken = fstatSync(handle).size;
  let written = taken;
  let synced = taken;
  const running = order.openHash({ file, handle, bytes: taken, blobBytes: order.bytes });
  let writing: Promise<void> = Promise.resolve();
  /** What the next write takes, as long as it has not begun. */
  let gathered: Uint8Array[] | null = null;
  /** Never rejects. */
  let syncing: Promise<void> = Promise.resolve();
  let isSyncing = false;
  /** The disk lost bytes that it had taken. */
  let lost: { readonly thrown: unknown } | null = null;
  let storing: Promise<void> | null = null;
  let isClosed = false;
  const open = new Set<object>();

  /** What comes in one turn of the event loop, and while the disk is at the earlier, is one write. */
  const takeIn = (fresh: Uint8Array): void => {
    taken += fresh.length;
    disk.unwrittenBytes += fresh.length;
    running.came(fresh);
    if (gathered !== null) {
      gathered.push(fresh);
      return;
    }
    const pieces = [fresh];
    gathered = pieces;
    writing = append(pieces, writing).finally(() => {
      disk.unwrittenBytes -= bytesIn(pieces);
    });
    // Once the disk failed, a next attempt begins with what is on it.
    writing.catch(order.onEnded);
  };
  const append = async (pieces: readonly Uint8Array[], earlier: Promise<void>): Promise<void> => {
    try {
      await earlier;
      await loopTurn();
    } finally {
      gathered = null;
    }
    if (lost !== null) throw lost.thrown;
    for (let left = pieces; left.length > 0;) left = after(left, (await writeTo(handle, left)).bytesWritten);
    written += bytesIn(pieces);
    const room = running.written(written);
    syncEarly();
    // Counts as unwritten until then: connections are read no more.
    await room;
  };
  const syncEarly = (): void => {
    if (
      isSyncing ||
      lost !== null ||
      storing !== null ||
      written - synced < earlySync.bytes ||
      disk.earlySyncs >= earlySync.parts
    )
      return;
    const upTo = written;
    isSyncing = true;
    disk.earlySyncs += 1;
    syncing = syncBytes(handle)
      .then(
        () => {
          synced = upTo;
        },
        (thrown: unknown) => {
          // The system tells it once: a later sync would succeed without those bytes. The file may be another part's from now on.
          lost = { thrown };
          order.discard();
          order.onEnded();
        },
      )
      .finally(() => {
        isSyncing = false;
        disk.earlySyncs -= 1;
      });
  };
  const store = async (bytes: number): Promise<void> => {
    try {
      await writing.finally(() => syncing);
      if (lost !== null) throw lost.thrown;
      try {
        if (written !== bytes || (await running.digest()) !== hash) throw wireFault.wrongHash();
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
    running.drop();
    closeSync(handle);
  };
  const closeUnused = async (): Promise<void> => {
    const last = writing;
    await last.catch(() => {});
    await syncing;
    // What was written later is waited for by whoever brought it.
    if (last !== writing || open.size > 0 || storing !== null || isClosed) return;
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
          if (fresh.length > 0) takeIn(fresh);
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

const bytesIn = (pieces: readonly Uint8Array[]): number => pieces.reduce((sum, { length }) => sum + length, 0);

/** The pieces without their first `bytes` bytes. */
function after(pieces: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let index = 0;
  let left = bytes;
  while (index < pieces.length && left >= pieces[index]!.length) left -= pieces[index++]!.length;
  return left === 0 ? pieces.slice(index) : [pieces[index]!.subarray(left), ...pieces.slice(index + 1)];
}
