import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { arrivalMemory, InstanceFile } from '../../../../src/station/pacs/receiver/instance-file.ts';

test('a piece that comes after the file was closed is refused, whatever its size', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-arriving-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = new InstanceFile(path.join(folder, 'one.part'), arrivalMemory());
  expect(file.write(Buffer.alloc(1000))).toBeNull();
  await file.close();
  expect(() => file.write(Buffer.alloc(10))).toThrow('closed');
  // More than is gathered at once: this is what never came back.
  expect(() => file.write(Buffer.alloc(600_000))).toThrow('closed');
});
