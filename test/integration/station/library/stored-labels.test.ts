// Labels that came with studies, in a real index.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDraftTable } from '../../../../src/station/cohorts/draft-table.ts';
import { turnsOf } from '../../../../src/station/cohorts/turns.ts';
import { labelFromStored } from '../../../../src/station/cohorts/stored-label-matching.ts';
import { type Library, openLibrary } from '../../../../src/station/library/library.ts';

describe('stored labels', () => {
  let folder: string;
  let library: Library;
  let labels: Library['labels'];
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'imagiq-labels-'));
    library = openLibrary({ folder });
    ({ labels } = library);
  });
  afterEach(() => {
    library.close();
    rmSync(folder, { recursive: true });
  });

  it('are replaced by a later label of the same origin, and only a change counts', () => {
    const row = { level: 'instance', uid: '1.2', label: 'nodule' } as const;
    expect(labels.save('import', [row])).toBe(1);
    expect(labels.save('import', [row])).toBe(0);
    expect(labels.save('import', [{ ...row, label: 'normal' }])).toBe(1);
    expect(labels.labelOf('import', 'instance', '1.2')).toBe('normal');
    expect(labels.labelOf('SEG', 'instance', '1.2')).toBeNull();
    expect(labels.remove('import', [row])).toBe(1);
    expect(labels.all('import')).toEqual([]);
  });

  it('are told by origin', () => {
    labels.save('SEG', [{ level: 'series', uid: '1.3', label: 'liver' }]);
    labels.save('SR', [
      { level: 'study', uid: '1.4', label: 'yes' },
      { level: 'study', uid: '1.5', label: 'no' },
    ]);
    expect(labels.origins()).toEqual([
      { origin: 'SEG', labels: 1 },
      { origin: 'SR', labels: 2 },
    ]);
  });

  it('of an instance count before those of its series, and those before its study’s', async () => {
    const instance = (number: number) => ({
      sopInstanceUID: `1.1.${number}`,
      seriesInstanceUID: `1.2.${Math.ceil(number / 2)}`,
      studyInstanceUID: '1.3',
      patientID: '',
      patientKey: '',
      path: '',
      modality: 'CT',
      frames: 1,
      position: null,
    });
    const stored = [
      { level: 'study', uid: '1.3', label: 'study' },
      { level: 'series', uid: '1.2.1', label: 'series' },
      { level: 'instance', uid: '1.1.1', label: 'instance' },
      { level: 'instance', uid: '1.1.9', label: 'elsewhere' },
    ] as const;
    const table = openDraftTable(folder);
    const patient = { pseudonym: 'a', rank: new Uint8Array(32), isForgotten: false };
    for (const one of [instance(1), instance(2), instance(3)]) table.admit(one, () => patient);
    const stage = turnsOf({}).stage('label', stored.length);
    await labelFromStored(table, (level) => stored.filter((one) => one.level === level), stage);
    expect([...table.clearLabels()].map(([, label]) => label)).toEqual(['instance', 'series', 'study']);
    table.close();
  });

  it('are read in parts, of one level, in the order of their UIDs', () => {
    const uids = Array.from({ length: 2_500 }, (_, number) => `1.9.${String(number).padStart(4, '0')}`);
    labels.save(
      'RTSTRUCT',
      uids.map((uid) => ({ level: 'instance' as const, uid, label: 'liver' })),
    );
    labels.save('RTSTRUCT', [{ level: 'study', uid: '1.3', label: 'liver' }]);
    expect([...labels.each('RTSTRUCT', 'instance')].map(({ uid }) => uid)).toEqual(uids);
    expect(labels.count('RTSTRUCT')).toBe(2_501);
  });
});
