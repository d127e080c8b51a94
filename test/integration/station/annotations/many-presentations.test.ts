import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { studyPresentations } from '../../../../src/station/annotations/study-presentations.ts';
import { openDatabase } from '../../../../src/station/library/database.ts';

it('presentation states that are too many to be read are told', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-states-'));
  const db = openDatabase(folder);
  db.exec(`INSERT INTO patients VALUES (1, 'P1');
    INSERT INTO studies (id, patient, studyInstanceUID, patientID, patientName, patientBirthDate, patientSex, studyDate, description, accessionNumber)
      VALUES (1, 1, '1', 'P1', '', '', '', '', '', '');
    INSERT INTO series (id, study, seriesInstanceUID, modality, description, instances) VALUES (1, 1, '1.1', 'PR', '', 502);`);
  const add = db.prepare(
    `INSERT INTO instances (series, sopInstanceUID, sopClassUID, transferSyntaxUID, frames, "rows", "columns", normal, path, isCopy, fileBytes, modifiedMs, headerHash)
     VALUES (1, ?, '', '', 0, 0, 0, '', '', 0, 0, 0, '')`,
  );
  for (let number = 1; number <= 502; number += 1) add.run(`1.1.${number}`);
  let read = 0;
  const threads = {
    ask: () => {
      read += 1;
      return Promise.resolve(null);
    },
    close: () => Promise.resolve(),
  };
  const { problems } = await studyPresentations({ db, folder, threads: threads as never })('1');
  expect(read).toBe(500);
  expect(problems).toContain('The study has 502 presentation states: 500 of them are read, the others are not shown.');
  db.close();
  rmSync(folder, { recursive: true });
});
