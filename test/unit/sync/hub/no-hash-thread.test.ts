// Where the system gives no thread: a limit of processes, or no memory for its stack.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { openBlobHashThread } from '../../../../src/sync/hub/blob-hash-thread.ts';
import { openBlobFolder } from '../../../../src/sync/protocol/blob-folder.ts';

vi.mock('node:worker_threads', () => ({
  Worker: function Worker() {
    throw new Error('Worker initialization failure: EAGAIN');
  },
}));

it('a blob is hashed as it comes', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'imagiq-no-thread-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const blobs = openBlobFolder(folder, { isShared: false, openHash: openBlobHashThread({ doneHere: 0 }).openHash });
  const bytes = Buffer.from('some weights');
  const hash = createHash('sha256').update(bytes).digest('hex');
  const reception = blobs.receive(hash, bytes.length);
  await reception.append(0, bytes);
  await reception.finish();
  expect(blobs.has(hash)).toBe(true);
  await blobs.close();
});
