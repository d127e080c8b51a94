import { createHash } from 'node:crypto';
import { appendFileSync, closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest';
import { type BlobHashThread, openBlobHashThread } from '../../../../src/sync/hub/blob-hash-thread.ts';
import type { PartHash } from '../../../../src/sync/protocol/part-hash.ts';

const mebibyte = 1024 * 1024;
const bytes = Buffer.from(Array.from({ length: 3 * mebibyte + 17 }, (_, index) => (index * index) % 251));
const hash = createHash('sha256').update(bytes).digest('hex');

let folder: string;
let file: string;
let handle: number;
let thread: BlobHashThread;
let part: PartHash;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'imagiq-hash-thread-'));
  file = path.join(folder, 'part');
  handle = openSync(file, 'a+');
  thread = openBlobHashThread();
  part = thread.openHash({ file, handle, bytes: 0, blobBytes: bytes.length });
});
afterEach(async () => {
  closeSync(handle);
  await thread.close();
  rmSync(folder, { recursive: true });
});

/** Up to the byte `to`. */
function write(from: number, to: number): void {
  appendFileSync(file, bytes.subarray(from, to));
  void part.written(to);
}

it('hashes a file while it grows', async () => {
  write(0, mebibyte);
  write(mebibyte, 2 * mebibyte + 5);
  write(2 * mebibyte + 5, bytes.length);
  expect(await part.digest()).toBe(hash);
});

it('lets no more be written than it may be behind, by all blobs together, and goes on once it has caught up or is lost', async () => {
  const narrow = openBlobHashThread({ mostUnhashed: 2 * mebibyte });
  onTestFinished(() => narrow.close());
  const parts = [0, 1].map((nth) => {
    const own = path.join(folder, `part-${nth}`);
    const open = openSync(own, 'a+');
    onTestFinished(() => closeSync(open));
    appendFileSync(own, bytes);
    return narrow.openHash({ file: own, handle: open, bytes: 0, blobBytes: bytes.length });
  });
  expect(parts[0]!.written(mebibyte)).toBeUndefined();
  const behind = parts[1]!.written(2 * mebibyte);
  expect(behind).toBeInstanceOf(Promise);
  await behind;
  await parts[1]!.written(3 * mebibyte);
  expect(await parts[1]!.digest()).toBe(
    createHash('sha256')
      .update(bytes.subarray(0, 3 * mebibyte))
      .digest('hex'),
  );
  const lost = parts[0]!.written(bytes.length + 3 * mebibyte);
  await narrow.close();
  await lost;
});

it('begins with what was there before', async () => {
  appendFileSync(file, bytes.subarray(0, mebibyte));
  part = thread.openHash({ file, handle, bytes: mebibyte, blobBytes: bytes.length });
  appendFileSync(file, bytes.subarray(mebibyte));
  void part.written(bytes.length);
  expect(await part.digest()).toBe(hash);
});

it('tells the same when its thread is lost, before or while it is asked', async () => {
  write(0, 2 * mebibyte);
  await thread.close();
  write(2 * mebibyte, bytes.length);
  expect(await part.digest()).toBe(hash);
  part = thread.openHash({ file, handle, bytes: bytes.length, blobBytes: bytes.length });
  const asked = part.digest();
  await thread.close();
  expect(await asked).toBe(hash);
});

it('tells the same of a file that it cannot open', async () => {
  write(0, mebibyte / 2);
  rmSync(file);
  expect(await part.digest()).toBe(
    createHash('sha256')
      .update(bytes.subarray(0, mebibyte / 2))
      .digest('hex'),
  );
});

/** Of threads that keep this process alive. */
const ports = (): number => process.getActiveResourcesInfo().filter((one) => one === 'MessagePort').length;

it('keeps the process alive, and imagined time still, as long as somebody waits for a hash', async () => {
  write(0, bytes.length);
  const other = thread.openHash({ file, handle, bytes: bytes.length, blobBytes: bytes.length });
  const before = ports();
  const asked = [part.digest(), other.digest()];
  expect(ports()).toBe(before + 1);
  expect(await Promise.all(asked)).toEqual([hash, hash]);
  expect(ports()).toBe(before);
});

it('does not keep it alive for a thread that was lost', async () => {
  const before = ports();
  const asked = part.digest();
  await thread.close();
  await asked;
  expect(ports()).toBe(before);
});
