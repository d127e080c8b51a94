import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, utimesSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openBlobFolder } from '../../../../src/sync/protocol/blob-folder.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-blobs-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const bytes = Buffer.from('some weights that arrive in pieces');
const hash = createHash('sha256').update(bytes).digest('hex');

describe('a folder of blobs (rule 6)', () => {
  it('goes on where a transfer was cut, also after it was opened anew', async () => {
    const first = openBlobFolder(folder);
    first.receive(hash, bytes.length).append(0, bytes.subarray(0, 10));
    first.close();
    const second = openBlobFolder(folder);
    expect(second.has(hash)).toBe(false);
    const reception = second.receive(hash, bytes.length);
    expect(reception.offset).toBe(10);
    reception.append(10, bytes.subarray(10));
    reception.finish();
    expect(Buffer.from(await second.read(hash)).equals(bytes)).toBe(true);
    expect(second.put(bytes)).toBe(hash);
    second.remove(hash);
    expect(second.has(hash)).toBe(false);
  });

  it('throws other bytes away whole, and takes none out of order or beyond the end', () => {
    const blobs = openBlobFolder(folder);
    const wrong = blobs.receive(hash, 4);
    wrong.append(0, Buffer.from('evil'));
    expect(() => wrong.finish()).toThrow(/not the ones/);
    const reception = blobs.receive(hash, bytes.length);
    expect(reception.offset).toBe(0);
    expect(() => reception.append(5, bytes)).toThrow(/continue/);
    expect(() => reception.append(0, Buffer.alloc(bytes.length + 1))).toThrow(/continue/);
    blobs.close();
  });

  it('lets a newer transfer of the same blob take over', () => {
    const blobs = openBlobFolder(folder);
    const older = blobs.receive(hash, bytes.length);
    const newer = blobs.receive(hash, bytes.length);
    expect(() => older.append(0, bytes)).toThrow(/took over/);
    newer.append(0, bytes);
    newer.finish();
    expect(blobs.has(hash)).toBe(true);
  });

  it('tells what is old, and drops old unfinished ones except those on their way', () => {
    const blobs = openBlobFolder(folder);
    const stored = blobs.put(bytes);
    const [cut, going] = ['1'.repeat(64), '2'.repeat(64)];
    blobs.receive(cut, 10).suspend();
    blobs.receive(going, 10);
    const yesterday = new Date(Date.now() - 86_400_000);
    for (const name of [cut, going]) utimesSync(path.join(folder, 'unfinished', name), yesterday, yesterday);
    expect(blobs.storedBefore(Date.now() - 3_600_000)).toEqual([]);
    expect(blobs.storedBefore(Date.now() + 3_600_000)).toEqual([stored]);
    expect(blobs.dropUnfinishedBefore(Date.now() - 3_600_000)).toBe(1);
    expect(existsSync(path.join(folder, 'unfinished', cut))).toBe(false);
    expect(existsSync(path.join(folder, 'unfinished', going))).toBe(true);
    blobs.close();
  });

  it('names nothing outside itself', () => {
    const blobs = openBlobFolder(folder);
    expect(blobs.file('../../etc/passwd')).toBeNull();
    expect(() => blobs.receive('../evil', 10)).toThrow(/Invalid/);
    expect(existsSync(path.join(folder, 'evil'))).toBe(false);
  });
});

describe('a folder of blobs that several processes share', () => {
  const shared = { isShared: true } as const;

  it('goes on with what another one received, which cannot write to the blob any more', async () => {
    const [one, other] = [openBlobFolder(folder, shared), openBlobFolder(folder, shared)];
    const cut = one.receive(hash, bytes.length);
    cut.append(0, bytes.subarray(0, 10));
    const reception = other.receive(hash, bytes.length);
    expect(reception.offset).toBe(10);
    reception.append(10, bytes.subarray(10));
    reception.finish();
    // It was stopped, wakes up, and goes on: its bytes reach nobody.
    cut.append(10, Buffer.alloc(bytes.length - 10, 'x'));
    expect(() => cut.finish()).toThrow(/not the ones/);
    expect(Buffer.from(await one.read(hash)).equals(bytes)).toBe(true);
    for (const blobs of [one, other]) blobs.close();
  });

  it('says that a newer transfer took over, also when all bytes came', () => {
    const [one, other] = [openBlobFolder(folder, shared), openBlobFolder(folder, shared)];
    const older = one.receive(hash, bytes.length);
    older.append(0, bytes);
    other.receive(hash, bytes.length);
    expect(() => older.finish()).toThrow(/took over/);
    expect(one.put(bytes)).toBe(hash);
    expect(other.put(bytes)).toBe(hash);
    expect(other.has(hash)).toBe(true);
    for (const blobs of [one, other]) blobs.close();
  });
});
