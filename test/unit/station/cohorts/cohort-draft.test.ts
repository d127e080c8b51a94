import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { draftCohort, type DraftSite } from '../../../../src/station/cohorts/cohort-draft.ts';
import { openDraftTable } from '../../../../src/station/cohorts/draft-table.ts';
import { turnsOf } from '../../../../src/station/cohorts/turns.ts';

const image = (name: string, file: string) => ({
  sopInstanceUID: `${name}.2`,
  studyInstanceUID: name,
  seriesInstanceUID: `${name}.1`,
  patientID: `P${name}`,
  patientKey: `P${name}`,
  path: file,
  modality: 'CT',
  frames: 1,
  position: null,
});

const site: DraftSite = {
  library: {
    selectInstances: () => [image('1', 'before/one.dcm'), image('2', 'after/one.dcm')],
  } as unknown as DraftSite['library'],
  key: new Uint8Array(32),
  earlierSplit: () => null,
  isForgotten: () => false,
};

function refusalOf(text: string): Promise<unknown> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-labels-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const labelsFile = path.join(folder, 'labels.csv');
  writeFileSync(labelsFile, text);
  const request = { name: 'chest', query: '', studyInstanceUIDs: null, labelsFile, labelColumn: 'finding' };
  const table = openDraftTable(folder);
  onTestFinished(() => table.close());
  return draftCohort(request, site, table, turnsOf({}));
}

test('rows that match and have no label are told from rows that match nothing', async () => {
  await expect(refusalOf('patientID,finding\nP1,\nP2,\n')).rejects.toEqual(
    expect.objectContaining({ code: 229, message: expect.stringContaining('column finding') }),
  );
  await expect(refusalOf('patientID,finding\nP8,nodule\nP9,\n')).rejects.toThrow(
    'matches a chosen image by its column patientID',
  );
});

test('rows whose file names exist more than once are told so, not that they match nothing', async () => {
  await expect(refusalOf('file,finding\none.dcm,nodule\nold/two.dcm,none\n')).rejects.toEqual(
    expect.objectContaining({ code: 217, message: expect.stringContaining('write more of its path') }),
  );
  await expect(refusalOf('file,finding\ntwo.dcm,nodule\n')).rejects.toEqual(expect.objectContaining({ code: 205 }));
});
