// Files of the library's own: copies, members of archives, wrapped pictures.
import { hash, randomUUID } from 'node:crypto';
import { closeSync, fdatasync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { noteCopies } from './noted-copies.ts';

/** Where unfinished files lie, below the library's folder. Whatever is there when a library opens is of no use. */
export const unfinishedFolder = 'unfinished';

/**
 * Keeps bytes as <folder>/instances/<xx>/<sha256>.dcm; `stored` is relative to the folder. `isNew`: no whole file of that name lay
 * there.
 */
export type Store = (bytes: Uint8Array) => {
  readonly stored: string;
  readonly fileHash: string;
  readonly isNew: boolean;
};

export interface StoreGroup {
  readonly store: Store;
  /**
   * Resolves when all that was stored is on the disk and has its name. Waiting for several files at once takes a fraction
   * of the time of one after another.
   * @throws a file system error; nothing that the index may name is half written then.
   */
  settle(): Promise<void>;
}

const whenOnDisk = promisify(fdatasync);

/**
 * Stores the copies of one batch. Until `settle`, files lie under names that nothing refers to: neither a killed process
 * nor a power cut leaves a half copy under its final name. What a power cut may take is the last moments' renames and
 * index rows; importing the same paths again brings them back.
 */
export function openStoreGroup(folder: string): StoreGroup {
  const pending: { readonly out: number; readonly beside: string; readonly target: string }[] = [];
  return {
    store(bytes) {
      const fileHash = hash('sha256', bytes, 'hex');
      const stored = path.join('instances', fileHash.slice(0, 2), `${fileHash}.dcm`);
      const target = path.join(folder, stored);
      // One that was cut on the disk since is written anew.
      if (statSync(target, { throwIfNoEntry: false })?.size === bytes.length) return { stored, fileHash, isNew: false };
      const beside = unfinishedName(folder);
      const out = openSync(beside, 'wx', 0o600);
      try {
        writeAll(out, bytes);
      } catch (error) {
        closeSync(out);
        rmSync(beside, { force: true });
        throw error;
      }
      pending.push({ out, beside, target });
      return { stored, fileHash, isNew: true };
    },
    async settle() {
      const files = pending.splice(0);
      try {
        await Promise.all(files.map(({ out }) => whenOnDisk(out)));
        noteCopies(
          folder,
          files.map(({ target }) => path.relative(folder, target)),
        );
        for (const { beside, target } of files) {
          mkdirSync(path.dirname(target), { recursive: true });
          renameSync(beside, target);
        }
      } finally {
        for (const { out, beside } of files) {
          closeSync(out);
          rmSync(beside, { force: true });
        }
      }
    },
  };
}

function unfinishedName(folder: string): string {
  const file = path.join(folder, unfinishedFolder, randomUUID());
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  return file;
}

function writeAll(out: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(out, bytes, at);
}

/** A new file on the disk, under a name that nothing refers to. It is removed where it cannot be written whole. */
export function writeUnfinished(bytes: Uint8Array, folder: string): string {
  const file = unfinishedName(folder);
  try {
    const out = openSync(file, 'wx', 0o600);
    try {
      writeAll(out, bytes);
      fsyncSync(out);
    } finally {
      closeSync(out);
    }
    return file;
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  }
}

/** Removes what an import that was killed left behind. Only where no import can be running. */
export function sweepUnfinished(folder: string): void {
  rmSync(path.join(folder, unfinishedFolder), { recursive: true, force: true });
}
