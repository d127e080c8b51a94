// Studies, series and patients that are taken out of the library.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { faultValueOf } from '../../../../src/contract/fault.ts';
import type { RemovalRequest } from '../../../../src/contract/removal.ts';
import { openDatabase } from '../../../../src/station/library/database.ts';
import { type Library, openLibrary } from '../../../../src/station/library/library.ts';
import { dicomFile, sliceElements, type SliceSpec } from '../../../fixtures/dicom-bytes.ts';

let folder: string;
let files: string;
let home: string;
let library: Library;
const still = new AbortController().signal;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-removal-'));
  files = path.join(folder, 'files');
  home = path.join(folder, 'home');
  mkdirSync(originals(), { recursive: true });
  library = openLibrary({ folder: home });
});
afterEach(() => {
  library.close();
  rmSync(folder, { recursive: true, force: true });
});

const originals = (): string => path.join(files, 'clear');

function write(name: string, spec: SliceSpec): string {
  // Their folder is their label.
  const file = path.join(originals(), name);
  writeFileSync(file, dicomFile(sliceElements(spec)));
  return file;
}

/** Two studies of one patient, and one of another: 1.1 (two series), 1.2; 2.1. */
function writeStudies(): void {
  const one = { patientID: 'P1', patientName: 'Okafor^Ada', study: '1.1', description: 'Thorax' };
  write('1.dcm', { ...one, series: '1.1.1', uid: '1.1.1.1' });
  write('2.dcm', { ...one, series: '1.1.1', uid: '1.1.1.2' });
  write('3.dcm', { ...one, series: '1.1.2', uid: '1.1.2.1', modality: 'MR' });
  write('4.dcm', { ...one, study: '1.2', series: '1.2.1', uid: '1.2.1.1' });
  write('5.dcm', { patientID: 'P2', patientName: 'Rossi^Ida', study: '2.1', series: '2.1.1', uid: '2.1.1.1' });
}

const bring = (mode: 'reference' | 'copy') =>
  library.importPaths([files], { mode, labels: 'folders', onProgress: () => {}, signal: still });
const asked = (request: Partial<RemovalRequest>): RemovalRequest => ({ uids: [], patientIDs: [], ...request });
const remove = (request: Partial<RemovalRequest>, signal = still) =>
  library.remove(asked(request), { signal, onProgress: () => {} });
const found = (query = ''): string[] =>
  library
    .studies({ query, filters: [], limit: 100, offset: 0, sortBy: 'studyDate', descending: true })
    .studies.map(({ studyInstanceUID }) => studyInstanceUID)
    .sort();
const stored = (): number =>
  readdirSync(path.join(home, 'instances'), { recursive: true, withFileTypes: true }).filter((one) => one.isFile())
    .length;

/** Rows by table, of all that a study leaves in the index. */
function rows(): Record<string, number> {
  const db = openDatabase(home);
  const count = (table: string): number => db.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get() ?? 0;
  const tables = [
    'patients', 'studies', 'series', 'instances', 'studyModalities', 'studyTransferSyntaxes', 'labels', 'measurements', 'leavingFiles',
  ]; // prettier-ignore
  const counted = Object.fromEntries(tables.map((table) => [table, count(table)]));
  db.close();
  return counted;
}

describe('what is taken out of the library', () => {
  it('is told beforehand, and nothing is changed by that', async () => {
    writeStudies();
    await bring('copy');
    const plan = await library.planRemoval(asked({ uids: ['1.1', '9.9'] }));
    expect(plan.counts).toMatchObject({ studies: 1, series: 2, instances: 3, copies: 3 });
    expect(plan.counts.copyBytes).toBeGreaterThan(1_000);
    expect(plan).toMatchObject({ labels: 3, measurements: 0, unknown: ['9.9'] });
    expect(['1.1.1.1', '1.1.2.1', '1.2.1.1', '9'].map(plan.has)).toEqual([true, true, false, false]);
    expect((await library.planRemoval(asked({ patientIDs: ['P1'] }))).counts).toMatchObject({
      studies: 2,
      instances: 4,
    });
    expect((await library.planRemoval(asked({ uids: ['1.1.1', '1.2'] }))).counts).toMatchObject({
      studies: 1,
      series: 2,
    });
    expect(found()).toEqual(['1.1', '1.2', '2.1']);
  });

  it('is found no more, by words, filters and counts; copies are deleted, and a later import brings it back', async () => {
    writeStudies();
    await bring('copy');
    const before = rows();
    const gone = await remove({ uids: ['1.1'] });
    expect(gone).toMatchObject({ studies: 1, series: 2, instances: 3, copies: 3 });
    expect(found()).toEqual(['1.2', '2.1']);
    expect([found('thorax'), found('1.1.1')]).toEqual([['1.2'], []]);
    expect(library.study('1.1')).toBeNull();
    expect(library.instanceFile('1.1.1.1')).toBeNull();
    expect(stored()).toBe(2);
    expect(readdirSync(originals())).toHaveLength(5);
    await remove({ patientIDs: ['P1', 'P2'] });
    expect(Object.values(rows()).every((count) => count === 0)).toBe(true);
    expect(stored()).toBe(0);
    expect(await bring('copy')).toMatchObject({ imported: 5, duplicates: 0 });
    expect(rows()).toEqual(before);
    expect(found('thorax')).toEqual(['1.1', '1.2']);
  });

  it('may be one series: its study tells what is left', async () => {
    writeStudies();
    await bring('reference');
    await remove({ uids: ['1.1.2'] });
    expect(library.study('1.1')).toMatchObject({
      instances: 2,
      modalities: ['CT'],
      series: [{ seriesInstanceUID: '1.1.1' }],
    });
    await remove({ uids: ['1.1.1'] });
    expect(found()).toEqual(['1.2', '2.1']);
    expect(readdirSync(originals())).toHaveLength(5);
  });

  it('takes measurements along, not those of others', async () => {
    writeStudies();
    await bring('reference');
    const measured = (study: string, series: string, sop: string) => ({
      id: crypto.randomUUID(),
      studyInstanceUID: study,
      seriesInstanceUID: series,
      sopInstanceUID: sop,
    });
    const db = openDatabase(home);
    const insert = db.prepare(
      `INSERT INTO measurements (id, studyInstanceUID, seriesInstanceUID, sopInstanceUID, frame, kind, points, label, measured, changedAt)
       VALUES (@id, @studyInstanceUID, @seriesInstanceUID, @sopInstanceUID, 1, 'length', '[]', '', '', '')`,
    );
    insert.run(measured('1.1', '1.1.1', '1.1.1.1'));
    insert.run(measured('1.2', '1.2.1', '1.2.1.1'));
    db.close();
    expect((await library.planRemoval(asked({ uids: ['1.1'] }))).measurements).toBe(1);
    await remove({ uids: ['1.1'] });
    expect(rows()['measurements']).toBe(1);
  });

  it('does not go while an import runs, nor an import while it goes', async () => {
    writeStudies();
    await bring('copy');
    const importing = bring('copy');
    const faultOf = (work: Promise<unknown>) =>
      work.then(
        () => null,
        (error: unknown) => faultValueOf(error).code,
      );
    expect(await faultOf(remove({ uids: ['1.1'] }))).toBe(109);
    await importing;
    const removing = remove({ uids: ['1.1'] });
    expect(await faultOf(bring('copy'))).toBe(116);
    expect(await faultOf(remove({ uids: ['1.2'] }))).toBe(116);
    await removing;
    expect(found()).toEqual(['1.2', '2.1']);
  });

  it('is whole studies where it is cancelled or the library is closed', async () => {
    writeStudies();
    await bring('copy');
    const cancelling = new AbortController();
    const gone = await library.remove(asked({ patientIDs: ['P1', 'P2'] }), {
      signal: cancelling.signal,
      onProgress: () => cancelling.abort(),
    });
    expect(gone).toMatchObject({ studies: 1, instances: 3 });
    expect(found()).toEqual(['1.2', '2.1']);
    expect(stored()).toBe(2);
  });

  it('leaves no copies behind where the station was killed before they were deleted', async () => {
    writeStudies();
    await bring('copy');
    const copy = library.instanceFile('2.1.1.1')?.path ?? '';
    library.close();
    const db = openDatabase(home);
    db.prepare('INSERT INTO leavingFiles VALUES (?)').run(path.relative(home, copy));
    db.close();
    library = openLibrary({ folder: home });
    expect(existsSync(copy)).toBe(false);
    expect(rows()['leavingFiles']).toBe(0);
  });
});
