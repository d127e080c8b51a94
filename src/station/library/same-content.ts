// Whether two files hold the same bytes.
import { type FileHandle, open } from 'node:fs/promises';

const pieceBytes = 1024 * 1024;

/** Compares byte by byte; null where one of them cannot be read. */
export async function sameContent(a: string, b: string): Promise<boolean | null> {
  const files: FileHandle[] = [];
  try {
    for (const path of [a, b]) files.push(await open(path, 'r'));
    const [first, second] = files as [FileHandle, FileHandle];
    if ((await first.stat()).size !== (await second.stat()).size) return false;
    const left = Buffer.allocUnsafe(pieceBytes);
    const right = Buffer.allocUnsafe(pieceBytes);
    for (;;) {
      const got = await readFull(first, left);
      if ((await readFull(second, right)) !== got) return false;
      if (!left.subarray(0, got).equals(right.subarray(0, got))) return false;
      if (got < pieceBytes) return true;
    }
  } catch {
    return null;
  } finally {
    await Promise.all(files.map((file) => file.close()));
  }
}

async function readFull(file: FileHandle, into: Buffer): Promise<number> {
  let held = 0;
  while (held < into.length) {
    const { bytesRead } = await file.read(into, held, into.length - held);
    if (bytesRead === 0) break;
    held += bytesRead;
  }
  return held;
}
