// Content-addressed blobs on disk: whole ones under their SHA-256, unfinished ones beside them, so that a transfer cut
// anywhere goes on at its last byte, also after a restart. A newer transfer of a blob ends an older; where several processes share the
// folder, each writes unfinished files of its own, and goes on from a copy of what another has received.
import { createHash, randomUUID } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeFileDurably, syncFolder } from './durable-file.ts';
import { wireFault } from './faults.ts';
import { wireLimits } from './limits.ts';
import { hashSchema } from './statement.ts';

export interface BlobFolder {
  readonly folder: string;
  has(hash: string): boolean;
  /** The file of a stored blob, or null. */
  file(hash: string): string | null;
  size(hash: string): number | null;
  /** @throws Fault 406 when it is not stored. */
  read(hash: string): Promise<Uint8Array>;
  /** Stores bytes (again: does nothing) and returns their SHA-256. */
  put(bytes: Uint8Array): string;
  /** Opens the unfinished blob where it was left. */
  receive(hash: string, bytes: number): BlobReception;
  remove(hash: string): void;
  /** Hashes of the blobs that were stored before `time` (ms since 1970, by the file system's clock). */
  storedBefore(time: number): readonly string[];
  /** Throws away unfinished blobs to which nothing was added since `time`. @returns how many. */
  dropUnfinishedBefore(time: number): number;
  close(): void;
}

export interface BlobReception {
  readonly hash: string;
  /** Bytes on disk: the other end sends from here. */
  readonly offset: number;
  /** @throws Fault 401 when it does not continue at `offset`, 409 when a newer reception took over. */
  append(offset: number, payload: Uint8Array): void;
  /** Checks the hash, syncs and renames. @throws Fault 404 for other bytes, which are thrown away. */
  finish(): void;
  /** Keeps what arrived for the next attempt. */
  suspend(): void;
}

export function openBlobFolder(
  folder: string,
  options: { readonly isShared: boolean } = { isShared: false },
): BlobFolder {
  const unfinished = path.join(folder, 'unfinished');
  mkdirSync(unfinished, { recursive: true, mode: 0o700 });
  const receptions = new Map<string, { suspend(): void }>();
  const fileOf = (hash: string): string => path.join(folder, hash.slice(0, 2), hash);
  const file = (hash: string): string | null => {
    if (!hashSchema.safeParse(hash).success) return null;
    return existsSync(fileOf(hash)) ? fileOf(hash) : null;
  };
  /** Of this process in a folder that others share. */
  const ending = options.isShared ? `.${randomUUID()}` : '';
  const partOf = (hash: string): string => path.join(unfinished, `${hashSchema.parse(hash)}${ending}`);
  /** The longest part that another process has, copied: it may still write to its own, and does so for nothing. */
  const adopt = (hash: string): void => {
    const others = readdirSync(unfinished)
      .filter((name) => name.startsWith(`${hash}.`) && !name.endsWith(ending))
      .map((name) => path.join(unfinished, name))
      .map((part) => ({ part, size: statSync(part, { throwIfNoEntry: false })?.size ?? -1 }))
      .sort((one, other) => other.size - one.size);
    const [longest] = others;
    if (longest === undefined || longest.size < 0) return;
    if (!existsSync(partOf(hash))) copyFileSync(longest.part, partOf(hash));
    for (const { part } of others) rmSync(part, { force: true });
  };
  /**
   * Of a disk that failed to sync, the system may hold the bytes in memory as if they had been written, and the next sync succeeds without
   * them: they go, and come again whole.
   */
  const orRemove = (files: () => readonly string[], act: () => void): void => {
    try {
      act();
    } catch (thrown) {
      for (const one of files()) rmSync(one, { force: true });
      throw thrown;
    }
  };
  const place = (hash: string): string => {
    mkdirSync(path.dirname(fileOf(hash)), { recursive: true, mode: 0o700 });
    return fileOf(hash);
  };

  return {
    folder,
    has: (hash) => file(hash) !== null,
    file,
    size(hash) {
      const stored = file(hash);
      return stored === null ? null : (statSync(stored, { throwIfNoEntry: false })?.size ?? null);
    },
    async read(hash) {
      const stored = file(hash);
      if (stored === null) throw wireFault.unknownBlob(hash);
      return readFile(stored);
    },
    put(bytes) {
      const hash = createHash('sha256').update(bytes).digest('hex');
      if (file(hash) !== null) return hash;
      orRemove(
        () => [partOf(hash), fileOf(hash)],
        () => {
          if (!options.isShared) return writeFileDurably(place(hash), bytes);
          // Not beside its place: processes of two machines may have the same number.
          writeFileDurably(partOf(hash), bytes);
          renameSync(partOf(hash), place(hash));
          syncFolder(path.dirname(fileOf(hash)));
        },
      );
      return hash;
    },
    receive(hash, bytes) {
      receptions.get(hash)?.suspend();
      const part = partOf(hash);
      if (options.isShared) adopt(hash);
      if (existsSync(part) && statSync(part).size > bytes) rmSync(part);
      const handle = openSync(part, 'a+', 0o600);
      let offset = statSync(part).size;
      let isOpen = true;
      const suspend = (): void => {
        if (!isOpen) return;
        isOpen = false;
        closeSync(handle);
        if (receptions.get(hash) === reception) receptions.delete(hash);
      };
      const reception: BlobReception = {
        hash,
        get offset() {
          return offset;
        },
        append(at, payload) {
          if (!isOpen) throw wireFault.superseded();
          if (at !== offset || offset + payload.length > bytes) {
            throw wireFault.malformedChunk('it does not continue the transfer');
          }
          for (let written = 0; written < payload.length;) {
            written += writeSync(handle, payload, written, payload.length - written);
          }
          offset += payload.length;
        },
        finish() {
          if (!isOpen) throw wireFault.superseded();
          const isRight = offset === bytes && hashOfHandle(handle) === hash;
          orRemove(
            () => [part],
            () => {
              try {
                if (!isRight) throw wireFault.wrongHash();
                fsyncSync(handle);
              } finally {
                suspend();
              }
            },
          );
          if (!existsSync(part)) throw wireFault.superseded();
          orRemove(
            () => [fileOf(hash)],
            () => {
              renameSync(part, place(hash));
              syncFolder(path.dirname(fileOf(hash)));
            },
          );
        },
        suspend,
      };
      receptions.set(hash, reception);
      return reception;
    },
    remove(hash) {
      const stored = file(hash);
      if (stored !== null) rmSync(stored, { force: true });
    },
    storedBefore: (time) =>
      readdirSync(folder)
        .filter((name) => /^[0-9a-f]{2}$/.test(name))
        .flatMap((name) => readdirSync(path.join(folder, name)))
        .filter(
          (name) =>
            hashSchema.safeParse(name).success &&
            (statSync(fileOf(name), { throwIfNoEntry: false })?.mtimeMs ?? time) < time,
        ),
    dropUnfinishedBefore(time) {
      const stale = readdirSync(unfinished)
        .filter((name) => !receptions.has(name.slice(0, 64)))
        .map((name) => path.join(unfinished, name))
        .filter((part) => (statSync(part, { throwIfNoEntry: false })?.mtimeMs ?? time) < time);
      for (const part of stale) rmSync(part, { force: true });
      return stale.length;
    },
    close() {
      for (const reception of receptions.values()) reception.suspend();
    },
  };
}

/** Read in pieces, so that memory stays small for a large blob. */
function hashOfHandle(handle: number): string {
  const hash = createHash('sha256');
  const piece = Buffer.alloc(wireLimits.chunkBytes * 4);
  for (let position = 0; ;) {
    const read = readSync(handle, piece, 0, piece.length, position);
    if (read === 0) return hash.digest('hex');
    hash.update(piece.subarray(0, read));
    position += read;
  }
}
