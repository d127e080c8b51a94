// Weights and other immutable bytes, named by their SHA-256.
import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { writeFileDurably } from './durable-file.ts';

export interface BlobStore {
  /** Stores bytes and returns their SHA-256 (hex); storing the same bytes again mends a blob that is damaged, and else does nothing. */
  put(bytes: Uint8Array): string;
  /** The file of a stored blob, or null. */
  file(hash: string): string | null;
  /** Whether the stored bytes are still those of the name; reads a file again only when it was written since. False where there is none. */
  isWhole(hash: string): boolean;
  /** The hash of a stored blob that begins so; null where there is none, or several. */
  named(start: string): string | null;
  /** Forgets a blob; nothing where there is none. */
  remove(hash: string): void;
}

export function openBlobStore(folder: string): BlobStore {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const fileOf = (hash: string): string => path.join(folder, hash.slice(0, 2), hash);
  /** What of a blob's file was read and found whole. */
  const found = new Map<string, string>();
  const isWhole = (hash: string): boolean => {
    const state = /^[0-9a-f]{64}$/.test(hash) ? writtenState(fileOf(hash)) : null;
    if (state === null) return false;
    if (found.get(hash) === state) return true;
    if (fileHash(fileOf(hash)) !== hash) return false;
    found.set(hash, state);
    return true;
  };
  return {
    put(bytes) {
      const hash = createHash('sha256').update(bytes).digest('hex');
      const file = fileOf(hash);
      if (!isWhole(hash)) {
        mkdirSync(path.dirname(file), { recursive: true });
        writeFileDurably(file, bytes);
      }
      return hash;
    },
    file(hash) {
      if (!/^[0-9a-f]{64}$/.test(hash)) return null;
      const file = fileOf(hash);
      return existsSync(file) ? file : null;
    },
    isWhole,
    named(start) {
      const inside = path.join(folder, start.slice(0, 2));
      if (!/^[0-9a-f]{2,64}$/.test(start) || !existsSync(inside)) return null;
      const all = readdirSync(inside).filter((name) => /^[0-9a-f]{64}$/.test(name) && name.startsWith(start));
      return all.length === 1 ? all[0]! : null;
    },
    remove(hash) {
      if (/^[0-9a-f]{64}$/.test(hash)) rmSync(fileOf(hash), { force: true });
    },
  };
}

/** Changes whenever the file is written; null where there is none. */
function writtenState(file: string): string | null {
  const state = statSync(file, { bigint: true, throwIfNoEntry: false });
  return state === undefined ? null : `${state.ino} ${state.size} ${state.mtimeNs}`;
}

/** In pieces: weights may be larger than what one wants to hold. Null of a file that the disk does not give back. */
function fileHash(name: string): string | null {
  const hash = createHash('sha256');
  const piece = new Uint8Array(1 << 20);
  try {
    const file = openSync(name, 'r');
    try {
      for (let read = readSync(file, piece); read > 0; read = readSync(file, piece))
        hash.update(piece.subarray(0, read));
    } finally {
      closeSync(file);
    }
  } catch {
    return null;
  }
  return hash.digest('hex');
}
