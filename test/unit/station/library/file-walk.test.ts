import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readFile } from 'node:fs/promises';
import { fileSystemReason, type Found, walkFiles } from '../../../../src/station/library/file-walk.ts';

test.skipIf(process.platform !== 'linux')(
  'a name that is not UTF-8 is told as the reason why a file cannot be read',
  async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-walk-'));
    try {
      writeFileSync(Buffer.concat([Buffer.from(`${folder}/name`), Buffer.from([0xff, 0xfe])]), 'x');
      const found: Found[] = [];
      for await (const one of walkFiles([folder], new AbortController().signal)) found.push(one);
      expect(found).toHaveLength(1);
      const reason = await readFile(found[0]?.path ?? '').then(() => 'it was read', fileSystemReason);
      expect(reason).toContain('not written in UTF-8');
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
