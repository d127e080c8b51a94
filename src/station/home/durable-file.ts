// Every file is written beside and renamed: a reader sees the old or the new content, never half of it.
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';

/** Writes `bytes` to `file` so that a crash at any instant leaves the old or the new file whole. */
export function writeFileDurably(file: string, bytes: Uint8Array | string, mode = 0o600): void {
  const beside = `${file}.${process.pid}.tmp`;
  const handle = openSync(beside, 'w', mode);
  try {
    const content = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
    for (let written = 0; written < content.length;) {
      written += writeSync(handle, content, written, content.length - written);
    }
    fsyncSync(handle);
    closeSync(handle);
    renameSync(beside, file);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}
