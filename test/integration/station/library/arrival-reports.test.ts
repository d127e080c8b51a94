// Reports of what arrived, while the station that writes them closes.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '../../../../src/station/library/database.ts';
import { openArrivalReports } from '../../../../src/station/library/validation/arrival-reports.ts';

it('a report that is being written when all are asked for is waited for: a station that quits leaves none cut off', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-arrivals-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const db = openDatabase(folder, () => {});
  onTestFinished(() => void db.close());
  let isFlushing = false;
  let flushed = (): void => {};
  const flush = (): Promise<void> => {
    isFlushing = true;
    return new Promise((resolve) => (flushed = resolve));
  };
  const reports = openArrivalReports({ db, flush, onReport: () => {}, quietMs: 1 });
  const states = (): string[] => db.prepare<[], string>('SELECT state FROM imports').pluck().all();

  reports.came('Sent by OSLO', { kind: 'refused', reason: 'It is not DICOM.' });
  await expect.poll(() => isFlushing).toBe(true);
  const all = reports.write();
  const isEarly = await Promise.race([all.then(() => true), setTimeout(20, false)]);
  expect([isEarly, states()]).toEqual([false, ['running']]);
  flushed();
  await all;
  expect(states()).toEqual(['ended']);
});
