// How every process writes a file: beside and renamed, so that a reader sees the old or the new content, never half of it.
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';

export interface DurableWrite {
  /** Where it is written first, in the same folder; by default a name of this process's own. */
  readonly beside?: string;
  /** Called when all is on the disk, just before the file takes its name. */
  readonly beforeRename?: () => void;
}

/**
 * Writes the bytes, or these parts one after the other, so that a crash or a power cut at any instant leaves the old or the new
 * file whole. Throws what the system answers; nothing half-written is left.
 * @param mode of a new file; by default its owner's alone
 */
export function writeFileDurably(
  file: string,
  bytes: Uint8Array | string | readonly Uint8Array[],
  mode = 0o600,
  { beside = `${file}.${process.pid}.tmp`, beforeRename }: DurableWrite = {},
): void {
  const parts = typeof bytes === 'string' ? [Buffer.from(bytes)] : bytes instanceof Uint8Array ? [bytes] : bytes;
  const handle = openSync(beside, 'w', mode);
  let isOpen = true;
  try {
    for (const part of parts) {
      for (let written = 0; written < part.length;) {
        written += writeSync(handle, part, written, part.length - written);
      }
    }
    fsyncSync(handle);
    isOpen = false;
    closeSync(handle);
    beforeRename?.();
    renameSync(beside, file);
    syncFolder(path.dirname(file));
  } catch (error) {
    // Windows removes no open file, and a full disk must not cost a handle each time.
    if (isOpen) closeSync(handle);
    rmSync(beside, { force: true });
    throw error;
  }
}

/** Makes a new name itself survive a power cut. Windows has no such call for folders and needs none. */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** The same beside the event loop. */
export async function folderSynced(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
