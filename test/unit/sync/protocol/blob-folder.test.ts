import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openBlobHashThread } from '../../../../src/sync/hub/blob-hash-thread.ts';
import { type BlobFolder, openBlobFolder } from '../../../../src/sync/protocol/blob-folder.ts';
import { hashedAsItComes } from '../../../../src/sync/protocol/part-hash.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-blobs-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const bytes = Buffer.from('some weights that arrive in pieces');
const hash = createHash('sha256').update(bytes).digest('hex');

const thread = openBlobHashThread({ doneHere: 0 });
afterAll(() => thread.close());

describe.each([
  { where: 'as they come', openHash: hashedAsItComes },
  { where: 'in a thread', openHash: thread.openHash },
])('a folder of blobs that are hashed $where (rule 6)', ({ openHash }) => {
  const open = (): BlobFolder => openBlobFolder(folder, { isShared: false, openHash });

  it('goes on where a transfer was cut, also after it was opened anew', async () => {
    const first = open();
    void first.receive(hash, bytes.length).append(0, bytes.subarray(0, 10));
    await first.close();
    const second = open();
    expect(second.has(hash)).toBe(false);
    const reception = second.receive(hash, bytes.length);
    expect(reception.offset).toBe(10);
    expect(await reception.append(10, bytes.subarray(10))).toBe(bytes.length);
    await reception.finish();
    expect(Buffer.from(await second.read(hash)).equals(bytes)).toBe(true);
    expect(second.put(bytes)).toBe(hash);
    second.remove(hash);
    expect(second.has(hash)).toBe(false);
  });

  it('finds wrong bytes in what was kept of an earlier time, and throws it away whole', async () => {
    const kept = path.join(folder, 'unfinished', hash);
    const blobs = open();
    appendFileSync(kept, 'evil');
    const reception = blobs.receive(hash, bytes.length);
    await reception.append(4, bytes.subarray(4));
    await expect(reception.finish()).rejects.toThrow(/not the ones/);
    expect(existsSync(kept)).toBe(false);
    const again = blobs.receive(hash, bytes.length);
    expect(again.offset).toBe(0);
    await again.append(0, bytes);
    await again.finish();
    expect(readFileSync(blobs.file(hash)!).equals(bytes)).toBe(true);
  });

  it('is whole after twenty cuts, with a restart at each', async () => {
    const large = Buffer.from(Array.from({ length: 200_003 }, (_, index) => (index * index) % 251));
    const name = createHash('sha256').update(large).digest('hex');
    for (let cut = 0; cut < 20; cut += 1) {
      const blobs = open();
      const reception = blobs.receive(name, large.length);
      for (let piece = 0; piece < 1 + (cut % 4); piece += 1) {
        const at = reception.offset;
        void reception.append(at, large.subarray(at, at + 997 + 131 * cut));
      }
      if (cut % 2 === 0) reception.suspend();
      await blobs.close();
    }
    const blobs = open();
    const reception = blobs.receive(name, large.length);
    expect(reception.offset).toBeGreaterThan(0);
    expect(reception.offset).toBeLessThan(large.length);
    await reception.append(reception.offset, large.subarray(reception.offset));
    await reception.finish();
    expect(readFileSync(blobs.file(name)!).equals(large)).toBe(true);
  });

  it('writes in order what comes while the disk is at work, and says of each piece when it is written', async () => {
    const blobs = open();
    const reception = blobs.receive(hash, bytes.length);
    const told: number[] = [];
    const appended: Promise<unknown>[] = [];
    for (let at = 0; at < bytes.length; at += 3) {
      appended.push(reception.append(at, bytes.subarray(at, at + 3)).then((offset) => told.push(offset)));
      if (at % 4 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(appended);
    expect(blobs.unwrittenBytes).toBe(0);
    expect(told).toEqual(told.toSorted((one, other) => one - other));
    expect(told.at(-1)).toBe(bytes.length);
    await reception.finish();
    expect(readFileSync(blobs.file(hash)!).equals(bytes)).toBe(true);
  });

  it('throws other bytes away whole, and takes none out of order or beyond the end', async () => {
    const blobs = open();
    const wrong = blobs.receive(hash, 4);
    await wrong.append(0, Buffer.from('evil'));
    await expect(wrong.finish()).rejects.toThrow(/not the ones/);
    const reception = blobs.receive(hash, bytes.length);
    expect(reception.offset).toBe(0);
    await expect(reception.append(5, bytes.subarray(5))).rejects.toThrow(/continue/);
    await expect(reception.append(0, Buffer.alloc(bytes.length + 1))).rejects.toThrow(/continue/);
    await reception.append(0, bytes.subarray(0, 10));
    await expect(reception.append(0, bytes.subarray(0, 10))).rejects.toThrow(/continue/);
    await blobs.close();
  });

  it('is filled by all transfers of one blob at once: what one has brought the others need not', async () => {
    const blobs = open();
    const [one, other] = [blobs.receive(hash, bytes.length), blobs.receive(hash, bytes.length)];
    expect(await one.append(0, bytes.subarray(0, 10))).toBe(10);
    // The first six of them are here.
    expect(await other.append(0, bytes.subarray(0, 6))).toBe(10);
    expect(await other.append(6, bytes.subarray(6, 20))).toBe(20);
    one.suspend();
    const late = blobs.receive(hash, bytes.length);
    expect(late.offset).toBe(20);
    expect(await other.append(20, bytes.subarray(20))).toBe(bytes.length);
    await Promise.all([other.finish(), late.finish()]);
    expect(Buffer.from(await blobs.read(hash)).equals(bytes)).toBe(true);
  });

  it('is not stored before it is synced, and one that ends early spoils nothing for the others', async () => {
    const blobs = open();
    const [hasty, thorough] = [blobs.receive(hash, bytes.length), blobs.receive(hash, bytes.length)];
    await thorough.append(0, bytes.subarray(0, 10));
    await expect(hasty.finish()).rejects.toThrow(/not the ones/);
    await thorough.append(10, bytes.subarray(10));
    const finished = thorough.finish().then(() => 'finished');
    const turn = (): Promise<string> =>
      new Promise((resolve) => setImmediate(() => resolve('a turn of the event loop')));
    while ((await Promise.race([finished, turn()])) !== 'finished') expect(blobs.has(hash)).toBe(false);
    expect(blobs.has(hash)).toBe(true);
  });

  it('tells what is old, and drops old unfinished ones except those on their way', async () => {
    const blobs = open();
    const stored = blobs.put(bytes);
    const [cut, going] = ['1'.repeat(64), '2'.repeat(64)];
    blobs.receive(cut, 10);
    await blobs.close();
    blobs.receive(going, 10);
    const yesterday = new Date(Date.now() - 86_400_000);
    for (const name of [cut, going]) utimesSync(path.join(folder, 'unfinished', name), yesterday, yesterday);
    expect(blobs.storedBefore(Date.now() - 3_600_000)).toEqual([]);
    expect(blobs.storedBefore(Date.now() + 3_600_000)).toEqual([stored]);
    expect(blobs.dropUnfinishedBefore(Date.now() - 3_600_000)).toBe(1);
    expect(existsSync(path.join(folder, 'unfinished', cut))).toBe(false);
    expect(existsSync(path.join(folder, 'unfinished', going))).toBe(true);
    await blobs.close();
  });

  it('names nothing outside itself', () => {
    const blobs = open();
    expect(blobs.file('../../etc/passwd')).toBeNull();
    expect(() => blobs.receive('../evil', 10)).toThrow(/Invalid/);
    expect(existsSync(path.join(folder, 'evil'))).toBe(false);
  });
});

describe('a folder of blobs that several processes share', () => {
  const shared = { isShared: true, openHash: thread.openHash } as const;

  it('goes on with what another one received, whose bytes reach nobody any more', async () => {
    const [one, other] = [openBlobFolder(folder, shared), openBlobFolder(folder, shared)];
    const cut = one.receive(hash, bytes.length);
    await cut.append(0, bytes.subarray(0, 10));
    const reception = other.receive(hash, bytes.length);
    expect(reception.offset).toBe(10);
    await reception.append(10, bytes.subarray(10));
    await reception.finish();
    // It was stopped, wakes up, and goes on.
    await cut.append(10, Buffer.alloc(bytes.length - 10, 'x'));
    await expect(cut.finish()).rejects.toThrow(/not the ones/);
    expect(Buffer.from(await one.read(hash)).equals(bytes)).toBe(true);
    await Promise.all([one.close(), other.close()]);
  });

  it('receives one blob at several of them at once, and leaves nothing behind', async () => {
    const [one, other] = [openBlobFolder(folder, shared), openBlobFolder(folder, shared)];
    const older = one.receive(hash, bytes.length);
    await older.append(0, bytes.subarray(0, 10));
    const newer = other.receive(hash, bytes.length);
    await older.append(10, bytes.subarray(10));
    await newer.append(10, bytes.subarray(10));
    await Promise.all([older.finish(), newer.finish()]);
    expect(Buffer.from(await other.read(hash)).equals(bytes)).toBe(true);
    expect(readdirSync(path.join(folder, 'unfinished'))).toEqual([]);
    await Promise.all([one.close(), other.close()]);
  });

  it('throws wrong bytes away wherever they were copied to', async () => {
    const [one, other] = [openBlobFolder(folder, shared), openBlobFolder(folder, shared)];
    const wrong = one.receive(hash, bytes.length);
    await wrong.append(0, Buffer.from('evil'));
    const copied = other.receive(hash, bytes.length);
    expect(copied.offset).toBe(4);
    await copied.append(4, bytes.subarray(4));
    await expect(copied.finish()).rejects.toThrow(/not the ones/);
    expect(other.receive(hash, bytes.length).offset).toBe(0);
    await Promise.all([one.close(), other.close()]);
  });
});
