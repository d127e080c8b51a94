// Files without a preamble or without file meta information are in the library as they came; what leaves must be
// a Part 10 file (PS3.10 7.1), so what they lack is put in front of them on the way.
import { open } from 'node:fs/promises';
import { part10Head, part10Preamble } from '../../library/part10-head.ts';
import type { SendFile } from '../peer-client.ts';

/** The bytes to put in front of the file; none where it is a Part 10 file already. */
export async function missingHead(file: SendFile): Promise<Buffer> {
  const start = await firstBytes(file.path, part10Preamble.length);
  if (start.length === part10Preamble.length && start.subarray(128).equals(part10Preamble.subarray(128)))
    return Buffer.alloc(0);
  const hasMeta = start.length >= 8 && start.readUInt16LE(0) === 0x0002;
  return hasMeta ? part10Preamble : part10Head({ ...file, versionName: null, sourceAETitle: null });
}

async function firstBytes(path: string, bytes: number): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(bytes);
    const { bytesRead } = await handle.read(buffer, 0, bytes, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
