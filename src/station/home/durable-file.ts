// Every file is written beside and renamed: a reader sees the old or the new content, never half of it.
import path from 'node:path';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';

/** Writes `bytes` to `file` so that a crash at any instant leaves the old or the new file whole. */
export function writeFileDurably(file: string, bytes: Uint8Array | string, mode = 0o600): void {
  const beside = `${file}.${process.pid}.tmp`;
  const handle = openSync(beside, 'w', mode);
  let isOpen = true;
  try {
    const content = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
    for (let written = 0; written < content.length;) {
      written += writeSync(handle, content, written, content.length - written);
    }
    fsyncSync(handle);
    isOpen = false;
    closeSync(handle);
    renameSync(beside, file);
    syncFolder(path.dirname(file));
  } catch (error) {
    // Windows removes no open file, and a full disk must not cost a handle each time.
    if (isOpen) closeSync(handle);
    rmSync(beside, { force: true });
    throw error;
  }
}

/** Puts the new name itself on the disk. Windows opens no folders and needs none of this. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
