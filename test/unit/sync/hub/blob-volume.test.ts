// What the blobs take is counted once a minute; a count that failed is not kept.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openBlobVolume } from '../../../../src/sync/hub/blob-volume.ts';

test('a folder that cannot be read for a moment is counted as soon as it can be', async () => {
  const home = mkdtempSync(path.join(os.tmpdir(), 'imagiq-volume-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  const folder = path.join(home, 'blobs');
  const volume = openBlobVolume(folder);
  await expect(volume()).rejects.toMatchObject({ code: 'ENOENT' });
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'blob'), '12345');
  await expect(volume()).resolves.toMatchObject({ blobBytes: 5 });
});
