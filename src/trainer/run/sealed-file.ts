// Files of a run: a tensor file followed by the SHA-256 of its bytes, written beside and renamed. A damaged one is found out.
import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
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

/** Writes and syncs `partial`, then lets `moveIntoPlace` rename it; leaves nothing half-written behind. @throws Fault 357 */
export function writeBeside(partial: string, parts: readonly Uint8Array[], moveIntoPlace: () => void): void {
  try {
    const descriptor = openSync(partial, 'w');
    try {
      for (const bytes of parts) {
        for (let done = 0; done < bytes.byteLength;) done += writeSync(descriptor, bytes, done);
      }
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    moveIntoPlace();
  } catch (error) {
    rmSync(partial, { force: true });
    throw runNotAccessible(error);
  }
}
