// What series, studies and patients say of multi-frame images.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openDatabase } from '../../../../src/station/library/database.ts';
import { migrations } from '../../../../src/station/library/schema.ts';
import { studyQuerySchema } from '../../../../src/contract/dicom.ts';
import { dicomFile, type ElementSpec, sliceElements, type SliceSpec } from '../../../fixtures/dicom-bytes.ts';
import { FilesAndLibrary } from './files-and-library.ts';

let place: FilesAndLibrary;
beforeEach(() => void (place = new FilesAndLibrary()));
afterEach(() => place.close());

const still = new AbortController().signal;
const bring = () =>
  place.library.importPaths([place.files], { mode: 'reference', labels: null, onProgress: () => {}, signal: still });

/** An image of some frames, in its SOP class. */
function multiFrame(spec: SliceSpec, frames: number, sopClassUID = '1.2.840.10008.5.1.4.1.1.3.1'): Buffer {
  const own: ElementSpec[] = [
    { tag: 0x00080016, value: sopClassUID },
    { tag: 0x00280008, value: String(frames) },
    { tag: 0x7fe00010, value: new Uint8Array(frames * 32) },
  ];
  const others = sliceElements(spec).filter(({ tag }) => own.every((one) => one.tag !== tag));
  return dicomFile([...others, ...own].sort((a, b) => a.tag - b.tag));
}

function counted(): unknown {
  const query = studyQuerySchema.parse({});
  return {
    patients: place.library.browse
      .patients(query)
      .patients.map(({ instances, images, frames }) => [instances, images, frames]),
    studies: place.library.studies(query).studies.map(({ instances, images, frames, series }) => ({
      all: [instances, images, frames],
      series: series.map((one) => [one.modality, one.instances, one.images, one.frames]),
    })),
  };
}

it('frames are counted beside instances, and those of a segmentation are no images', async () => {
  place.write('cine.dcm', multiFrame({ uid: '1.1', series: '1.2.3.1', modality: 'US' }, 7));
  place.write('still.dcm', dicomFile(sliceElements({ uid: '1.2', series: '1.2.3.1', modality: 'US' })));
  place.write('report.dcm', dicomFile(sliceElements({ uid: '2.1', series: '1.2.3.2', modality: 'SR', size: 0 })));
  place.write(
    'mask.dcm',
    multiFrame({ uid: '3.1', series: '1.2.3.3', modality: 'SEG' }, 5, '1.2.840.10008.5.1.4.1.1.66.4'),
  );
  await bring();
  const series = [
    ['US', 2, 2, 8],
    ['SR', 1, 0, 0],
    ['SEG', 1, 0, 0],
  ];
  expect(counted()).toEqual({
    patients: [[4, 2, 8]],
    studies: [{ all: [4, 2, 8], series: expect.arrayContaining(series) }],
  });
  expect(place.library.instances('1.2.3.1')?.series).toMatchObject({ instances: 2, images: 2, frames: 8 });
  // The dashboard, the filter and the order of the list go by images too.
  const { images, instances, distributions } = place.library.browse.distributions(studyQuerySchema.parse({}));
  expect({ images, instances }).toEqual({ images: 2, instances: 4 });
  expect(distributions.find(({ field }) => field === 'instances')?.bars).toMatchObject([{ label: '2', studies: 1 }]);
  const found = (min: number): number =>
    place.library.studies(studyQuerySchema.parse({ filters: [{ field: 'instances', min }], sortBy: 'instances' }))
      .total;
  expect([found(2), found(3)]).toEqual([1, 0]);
});

it('frames go with a file that changed and with a series that is removed', async () => {
  place.write('cine.dcm', multiFrame({ uid: '1.1', series: '1.2.3.1', modality: 'US' }, 7));
  place.write('other.dcm', multiFrame({ uid: '2.1', series: '1.2.3.2', modality: 'US' }, 4));
  await bring();
  place.write('cine.dcm', multiFrame({ uid: '1.1', series: '1.2.3.1', modality: 'US' }, 9));
  await bring();
  expect(counted()).toMatchObject({ patients: [[2, 2, 13]], studies: [{ all: [2, 2, 13] }] });
  await place.library.remove({ uids: ['1.2.3.2'], patientIDs: [] }, { signal: still, onProgress: () => {} });
  expect(counted()).toEqual({ patients: [[1, 1, 9]], studies: [{ all: [1, 1, 9], series: [['US', 1, 1, 9]] }] });
});

it('images and frames of an index of before are counted when it is opened', () => {
  const older = path.join(place.folder, 'older');
  mkdirSync(older);
  const db = new Database(path.join(older, 'library.sqlite'));
  const before = migrations.findIndex((statement) => statement.includes('ADD COLUMN frames'));
  for (const statement of migrations.slice(0, before)) db.exec(statement);
  db.exec(`INSERT INTO patients VALUES (1, 'P1');
    INSERT INTO studies (id, patient, studyInstanceUID, patientID, patientName, patientBirthDate, patientSex, studyDate, description, accessionNumber)
      VALUES (1, 1, '1', 'P1', '', '', '', '', '', '');
    INSERT INTO series (id, study, seriesInstanceUID, modality, description) VALUES (1, 1, '1.1', 'US', '');`);
  const add = db.prepare(
    `INSERT INTO instances (series, sopInstanceUID, sopClassUID, transferSyntaxUID, frames, "rows", "columns", normal, path, isCopy, fileBytes, modifiedMs, headerHash)
     VALUES (1, ?, '', '', ?, ?, ?, '', '', 0, 0, 0, '')`,
  );
  add.run('1', 7, 4, 4);
  add.run('2', 2, 4, 4);
  add.run('3', 1, 0, 0);
  db.pragma(`user_version = ${before}`);
  db.close();
  const opened = openDatabase(older);
  expect(
    opened.prepare('SELECT images, frames FROM series UNION ALL SELECT images, frames FROM studies').raw().all(),
  ).toEqual([
    [2, 9],
    [2, 9],
  ]);
  opened.close();
});
