// Weights and other immutable bytes, named by their SHA-256.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { writeFileDurably } from './durable-file.ts';

export interface BlobStore {
  /** Stores bytes and returns their SHA-256 (hex); storing the same bytes again does nothing. */
  put(bytes: Uint8Array): string;
  /** The file of a stored blob, or null. */
  file(hash: string): string | null;
  /** The hash of a stored blob that begins so; null where there is none, or several. */
  named(start: string): string | null;
  /** Forgets a blob; nothing where there is none. */
  remove(hash: string): void;
}

export function openBlobStore(folder: string): BlobStore {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const fileOf = (hash: string): string => path.join(folder, hash.slice(0, 2), hash);
  return {
    put(bytes) {
      const hash = createHash('sha256').update(bytes).digest('hex');
      const file = fileOf(hash);
      if (!existsSync(file)) {
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
    named(start) {
      const inside = path.join(folder, start.slice(0, 2));
      if (!/^[0-9a-f]{2,64}$/.test(start) || !existsSync(inside)) return null;
      const found = readdirSync(inside).filter((name) => /^[0-9a-f]{64}$/.test(name) && name.startsWith(start));
      return found.length === 1 ? found[0]! : null;
    },
    remove(hash) {
      if (/^[0-9a-f]{64}$/.test(hash)) rmSync(fileOf(hash), { force: true });
    },
  };
}
