// Files of a run: a tensor file followed by the SHA-256 of its bytes. A damaged one is found out.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFileDurably } from '../../disk/durable-file.ts';
import { runNotAccessible } from '../faults.ts';

const checksumBytes = 32;

/** The parts of a sealed file, one after the other: joining them would copy hundreds of megabytes for a large network. */
export function sealed(file: Uint8Array): Uint8Array[] {
  return [file, createHash('sha256').update(file).digest()];
}

/** What was sealed; null when any byte differs or is missing. */
export function unsealed(bytes: Uint8Array): Uint8Array | null {
  if (bytes.byteLength < checksumBytes) return null;
  const file = bytes.subarray(0, -checksumBytes);
  return createHash('sha256').update(file).digest().equals(bytes.subarray(-checksumBytes)) ? file : null;
}

/** @throws Fault 357: not being allowed to read a file says nothing about its worth, and it is not treated as damaged. */
export function readRunFile(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw runNotAccessible(error);
  }
}

/** Writes the parts one after the other; what was there stays whole until all is on the disk. @throws Fault 357 */
export function writeRunFile(file: string, parts: readonly Uint8Array[], beforeRename?: () => void): void {
  try {
    // One name for all sittings: a kill in the middle leaves one such file, and the next write takes its place.
    writeFileDurably(file, parts, 0o600, { beside: `${file}.partial`, ...(beforeRename && { beforeRename }) });
  } catch (error) {
    throw runNotAccessible(error);
  }
}
