// Patients out of a labels file, through the real library: a picture never gets the patient of another file's row.
import path from 'node:path';
import { encode } from 'fast-png';
import { zipSync } from 'fflate';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ImportReport } from '../../../../src/contract/dicom.ts';
import { niftiFile } from '../../../fixtures/nifti-bytes.ts';
import { FilesAndLibrary } from './files-and-library.ts';

let place: FilesAndLibrary;
beforeEach(() => {
  place = new FilesAndLibrary();
});
afterEach(() => place.close());

const write = (name: string, bytes: Uint8Array | string): string => place.write(name, bytes);

const picture = (value: number): Uint8Array =>
  encode({ width: 1, height: 1, data: Uint8Array.of(value), channels: 1, depth: 8 });

function importWith(rows: string): Promise<ImportReport> {
  const labels = { file: write('labels.csv', `file,label,patient\n${rows}`), column: null };
  return place.library.importPaths([place.files], {
    mode: 'reference',
    labels,
    signal: new AbortController().signal,
    onProgress: () => {},
  });
}

/** By the file; those that are a patient of their own left out. */
const patients = (): Record<string, string> =>
  Object.fromEntries(
    [...place.library.selectInstances({ query: '', studyInstanceUIDs: null })]
      .filter(({ patientID }) => !patientID.startsWith('file-'))
      .map((one) => [path.relative(place.files, one.path), one.patientID]),
  );

it('a row whose path another file agrees with longer gives its patient to that one alone', async () => {
  write('test/1.png', picture(1));
  write('train/1.png', picture(2));
  write('test/2.png', picture(3));
  const report = await importWith('train/1.png,cat,P1\nelsewhere/2.png,dog,P2\n');
  expect(report).toMatchObject({ imported: 3, labelled: 2 });
  expect(patients()).toEqual({ 'train/1.png': 'P1', 'test/2.png': 'P2' });
});

it('a row that fits several files equally gives its patient to none of them, and that is told', async () => {
  write('a/1.png', picture(1));
  write('b/1.png', picture(2));
  const report = await importWith('1.png,cat,P1\n');
  expect(patients()).toEqual({});
  expect(report.notes).toContain(
    '1 row of the labels file fits several files, which are left without its patient: write more of their paths.',
  );
});

it('a patient that an earlier import gave is kept where the rows name none now, which is told; a removal puts it right', async () => {
  write('a/1.png', picture(1));
  write('b/1.png', picture(2));
  await importWith('a/1.png,cat,P1\nb/1.png,dog,P2\n');
  const { notes } = await importWith('1.png,cat,P1\n');
  expect(notes).toContain(
    '2 files keep the patient of an earlier import, whom no row names for them now. Where that is wrong, remove their studies and import them again.',
  );
  expect(patients()).toEqual({ 'a/1.png': 'P1', 'b/1.png': 'P2' });

  await place.library.remove(
    { uids: [], patientIDs: ['P1'] },
    { signal: new AbortController().signal, onProgress: () => {} },
  );
  expect((await importWith('1.png,cat,P1\nb/1.png,dog,P2\n')).notes.join()).not.toContain('keep');
  expect(patients()).toEqual({ 'b/1.png': 'P2' });
});

it('a row that fits copies of one picture gives them its patient', async () => {
  write('a/1.png', picture(1));
  write('b/1.png', picture(1));
  expect(await importWith('1.png,cat,P1\n')).toMatchObject({ imported: 1, duplicates: 1, labelled: 1, notes: [] });
  expect(patients()).toEqual({ 'a/1.png': 'P1' });
});

it('a row of a file in an archive does not give its patient to one of that name that lies open', async () => {
  write('test/1.png', picture(1));
  write('set.zip', zipSync({ 'train/1.png': picture(2) }));
  expect(await importWith('train/1.png,cat,P1\n')).toMatchObject({ imported: 2, labelled: 1 });
  expect(Object.values(patients())).toEqual(['P1']);
  expect(Object.keys(patients())).not.toContain('test/1.png');
});

it('a file in an archive inside another gets no patient, since it is not known beforehand, and that is told', async () => {
  write('outer.zip', zipSync({ 'inner.zip': zipSync({ 'train/1.png': picture(2) }) }));
  const report = await importWith('train/1.png,cat,P1\n');
  expect(report).toMatchObject({ imported: 1, labelled: 1 });
  expect(patients()).toEqual({});
  expect(report.notes).toEqual([expect.stringContaining('expand it and import the folder')]);
});

it('a volume and its mask of the same name are of the patient of their row', async () => {
  const volume = niftiFile({ size: [2, 2, 2], values: [1, 2, 3, 4, 5, 6, 7, 8] });
  const mask = niftiFile({ size: [2, 2, 2], values: [0, 1, 0, 0, 0, 0, 0, 1] });
  write('images/a.nii', volume);
  write('labels/a.nii', mask);
  write(
    'set.zip',
    zipSync({ 'images/b.nii': niftiFile({ size: [2, 2, 2], values: [9, 2, 3, 4, 5, 6, 7, 8] }), 'labels/b.nii': mask }),
  );
  expect(await importWith('a.nii,cat,P1\nb.nii,dog,P2\n')).toMatchObject({ imported: 4, labelled: 2, studies: 2 });
  expect(Object.values(patients()).sort((a, b) => (a < b ? -1 : 1))).toEqual(['P1', 'P2']);
});
