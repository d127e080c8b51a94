// Blobs that nothing names go once they are a day old; a disk that is away for a moment ends nothing.
import { mkdtempSync, rmSync, utimesSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { openBlobFolder } from '../../../../src/sync/protocol/blob-folder.ts';
import { sweepNowAndThen } from '../../../../src/sync/site/unneeded-blobs.ts';

const dayMs = 24 * 60 * 60 * 1_000;
afterEach(() => void vi.useRealTimers());

function situation() {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-unneeded-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const blobs = openBlobFolder(folder);
  const sweep = (): void => {
    vi.useFakeTimers();
    onTestFinished(sweepNowAndThen({ blobs, forget: (hash) => blobs.remove(hash) }));
  };
  return { folder, blobs, sweep };
}

test('what is older than a day is thrown away, what is newer stays', () => {
  const { blobs, sweep } = situation();
  const [old, young] = [blobs.put(Buffer.from('old')), blobs.put(Buffer.from('young'))];
  const before = new Date(Date.now() - 2 * dayMs);
  utimesSync(blobs.file(old)!, before, before);
  sweep();
  expect([blobs.has(old), blobs.has(young)]).toEqual([false, true]);
});

test('a folder that is away is looked at again a day later', () => {
  const { folder, blobs, sweep } = situation();
  sweep();
  rmSync(folder, { recursive: true });
  const look = vi.spyOn(blobs, 'storedBefore');
  expect(() => vi.advanceTimersByTime(2 * dayMs)).not.toThrow();
  expect(look).toHaveBeenCalledTimes(2);
});
