// What is known of a file as it lies on the disk: a sound one that cannot be opened just now never makes way for another.
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { damageMended, wholenessOf } from '../../../../src/station/library/file-damage.ts';

const folder = (): string => {
  const made = mkdtempSync(path.join(os.tmpdir(), 'imagiq-damage-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
};

test('a file that is gone or no DICOM is damaged; of one that cannot be opened nothing is known', () => {
  const here = folder();
  const gone = path.join(here, 'gone.dcm');
  const other = path.join(here, 'text.dcm');
  writeFileSync(other, 'no DICOM at all');
  // Opening a folder as a file fails with EISDIR, whoever asks.
  const closed = path.join(here, 'closed.dcm');
  mkdirSync(closed);
  expect(wholenessOf(gone)).toEqual({ is: 'damaged', why: 'it is gone' });
  expect(wholenessOf(other)).toEqual({ is: 'damaged', why: 'it is no DICOM file any more' });
  expect(wholenessOf(closed)).toEqual({ is: 'unknown' });
});

test('what nobody knows of neither makes way nor takes a place', () => {
  const here = folder();
  const closed = path.join(here, 'closed.dcm');
  mkdirSync(closed);
  expect(damageMended(closed, path.join(here, 'gone.dcm'))).toBeNull();
  expect(damageMended(path.join(here, 'gone.dcm'), closed)).toBeNull();
});
