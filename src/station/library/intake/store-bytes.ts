// Files of the library's own: copies, members of archives, wrapped pictures.
import { createHash, randomUUID } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';

/** Where unfinished files lie, below the library's folder. Whatever is there when a library opens is of no use. */
export const unfinishedFolder = 'unfinished';

/** Writes to <folder>/instances/<xx>/<sha256>.dcm, beside and renamed: a half copy is never seen. */
export function storeBytes(bytes: Uint8Array, folder: string): { stored: string; fileHash: string } {
  const fileHash = createHash('sha256').update(bytes).digest('hex');
  const stored = path.join('instances', fileHash.slice(0, 2), `${fileHash}.dcm`);
  const target = path.join(folder, stored);
  if (existsSync(target)) return { stored, fileHash };
  const beside = writeUnfinished(bytes, folder);
  mkdirSync(path.dirname(target), { recursive: true });
  renameSync(beside, target);
  return { stored, fileHash };
}

/** A new file on the disk, under a name that nothing refers to. It is removed where it cannot be written whole. */
export function writeUnfinished(bytes: Uint8Array, folder: string): string {
  const file = path.join(folder, unfinishedFolder, randomUUID());
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  try {
    const out = openSync(file, 'wx', 0o600);
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(out, bytes, at);
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
