// Content-addressed blobs on disk: whole ones under their SHA-256, unfinished ones beside them, so that a transfer cut
// anywhere goes on at its last byte, also after a restart. Transfers of one blob at once fill one file; where several processes share
// the folder, each writes unfinished files of its own, and goes on from a copy of what another has received. Of a disk that failed to
// sync, the system may hold the bytes in memory as if they had been written, and the next sync succeeds without them: they go, and come
// again whole.
import { createHash, randomUUID } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { type BlobPart, type BlobReception, type DiskLoad, openBlobPart } from './blob-part.ts';
import { folderSynced, makeFolder, writeFileDurably, syncFolder } from './durable-file.ts';
import { wireFault } from './faults.ts';
import { hashedAsItComes, type OpenPartHash } from './part-hash.ts';
import { hashSchema } from './statement-fields.ts';

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
  /** Received bytes that wait for the disk. */
  readonly unwrittenBytes: number;
  remove(hash: string): void;
  /** Hashes of the blobs that were stored before `time` (ms since 1970, by the file system's clock). */
  storedBefore(time: number): readonly string[];
  /** Throws away unfinished blobs to which nothing was added since `time`. @returns how many. */
  dropUnfinishedBefore(time: number): number;
  /** Resolves when nothing is written any more. */
  close(): Promise<void>;
}

export function openBlobFolder(
  folder: string,
  options: { readonly isShared: boolean; readonly openHash?: OpenPartHash } = { isShared: false },
): BlobFolder {
  const unfinished = path.join(folder, 'unfinished');
  makeFolder(unfinished);
  const parts = new Map<string, BlobPart>();
  const disk: DiskLoad = { unwrittenBytes: 0, earlySyncs: 0 };
  /** In their places, and not yet synced there: they do not count as stored. */
  const storing = new Set<string>();
  const fileOf = (hash: string): string => path.join(folder, hash.slice(0, 2), hash);
  const file = (hash: string): string | null => {
    if (!hashSchema.safeParse(hash).success) return null;
    return !storing.has(hash) && existsSync(fileOf(hash)) ? fileOf(hash) : null;
  };
  /** Of this process in a folder that others share. */
  const ending = options.isShared ? `.${randomUUID()}` : '';
  const partOf = (hash: string): string => path.join(unfinished, `${hashSchema.parse(hash)}${ending}`);
  const partsOfOthers = (hash: string): string[] =>
    readdirSync(unfinished)
      .filter((name) => name.startsWith(`${hash}.`) && !name.endsWith(ending))
      .map((name) => path.join(unfinished, name));
  /** The longest part that another process has, copied: it may still write to its own. */
  const adopt = (hash: string): void => {
    if (existsSync(partOf(hash))) return;
    const [longest] = partsOfOthers(hash)
      .map((part) => ({ part, size: statSync(part, { throwIfNoEntry: false })?.size ?? -1 }))
      .sort((one, other) => other.size - one.size);
    if (longest !== undefined && longest.size >= 0) copyFileSync(longest.part, partOf(hash));
  };
  /** No process goes on with what is whole, or wrong: parts of it may be copies of each other. */
  const discard = (hash: string): void => {
    rmSync(partOf(hash), { force: true });
    if (options.isShared) for (const part of partsOfOthers(hash)) rmSync(part, { force: true });
  };
  const store = async (hash: string): Promise<void> => {
    storing.add(hash);
    try {
      await rename(partOf(hash), place(hash)).catch((thrown: unknown) => {
        // Another process stored it first, or found that it was wrong.
        if (!existsSync(fileOf(hash))) throw existsSync(partOf(hash)) ? thrown : wireFault.superseded();
      });
      await folderSynced(path.dirname(fileOf(hash)));
    } catch (thrown) {
      rmSync(fileOf(hash), { force: true });
      throw thrown;
    } finally {
      storing.delete(hash);
    }
    discard(hash);
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
      try {
        if (!options.isShared) writeFileDurably(place(hash), bytes);
        else {
          // Not beside its place: processes of two machines may have the same number.
          writeFileDurably(partOf(hash), bytes);
          renameSync(partOf(hash), place(hash));
          syncFolder(path.dirname(fileOf(hash)));
        }
      } catch (thrown) {
        for (const one of [partOf(hash), fileOf(hash)]) rmSync(one, { force: true });
        throw thrown;
      }
      return hash;
    },
    receive(hash, bytes) {
      const open = parts.get(hash);
      if (open !== undefined) return open.reception(bytes);
      const file = partOf(hash);
      if (options.isShared) adopt(hash);
      if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > bytes) rmSync(file);
      const part = openBlobPart({
        hash,
        file,
        bytes,
        disk,
        openHash: options.openHash ?? hashedAsItComes,
        store: () => store(hash),
        discard: () => discard(hash),
        onEnded() {
          if (parts.get(hash) === part) parts.delete(hash);
        },
      });
      parts.set(hash, part);
      return part.reception(bytes);
    },
    get unwrittenBytes() {
      return disk.unwrittenBytes;
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
        .filter((name) => !parts.has(name.slice(0, 64)))
        .map((name) => path.join(unfinished, name))
        .filter((part) => (statSync(part, { throwIfNoEntry: false })?.mtimeMs ?? time) < time);
      for (const part of stale) rmSync(part, { force: true });
      return stale.length;
    },
    async close() {
      await Promise.all([...parts.values()].map((part) => part.close()));
    },
  };
}
