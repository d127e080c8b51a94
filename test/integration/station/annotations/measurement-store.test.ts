import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { Measurement } from '../../../../src/contract/annotation.ts';
import { Fault } from '../../../../src/contract/fault.ts';
import { type Library, openLibrary } from '../../../../src/station/library/library.ts';
import { dicomFile, sliceElements } from '../../../fixtures/dicom-bytes.ts';
import { imagiq } from '../../cli/imagiq.ts';

/** A library that holds one slice, 1.2.3.1.1 of study 1.2.3. */
async function libraryOfOneSlice(): Promise<{ folder: string; open: () => Library }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'imagiq-measurements-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const spacing = { tag: 0x00280030, value: '0.5\\0.5', vr: 'DS' };
  const elements = [...sliceElements({ uid: '1.2.3.1.1', positionMm: 0 }), spacing].sort((a, b) => a.tag - b.tag);
  writeFileSync(path.join(folder, 'slice.dcm'), dicomFile(elements));
  const home = path.join(folder, 'home');
  const open = (): Library => openLibrary({ folder: home });
  const library = open();
  await library.importPaths([path.join(folder, 'slice.dcm')], {
    mode: 'reference',
    signal: new AbortController().signal,
    onProgress: () => {},
  });
  library.close();
  return { folder: home, open };
}

const length = (changes: Partial<Measurement> = {}): Measurement => ({
  id: randomUUID(),
  studyInstanceUID: '1.2.3',
  seriesInstanceUID: '1.2.3.1',
  sopInstanceUID: '1.2.3.1.1',
  frame: 1,
  kind: 'length',
  points: [
    [0.5, 1],
    [3, 1],
  ],
  label: 'nodule, left',
  values: { lengthMm: 2.5 },
  unit: '',
  spacingKind: 'patient',
  changedAt: '2026-01-02T03:04:05Z',
  ...changes,
});

it('measurements survive a restart, are replaced by id, and are gone once deleted', async () => {
  const { open } = await libraryOfOneSlice();
  const [kept, changed, deleted] = [length(), length(), length()];
  const before = open();
  for (const measurement of [kept, changed, deleted]) before.annotations.measurements.save(measurement);
  before.annotations.measurements.save({ ...changed, label: 'cyst', changedAt: '2026-02-02T03:04:05Z' });
  before.annotations.measurements.delete(deleted.id);
  before.close();

  const after = open();
  onTestFinished(() => after.close());
  const found = after.annotations.measurements.all('1.2.3');
  expect(found).toHaveLength(2);
  expect(found).toContainEqual(kept);
  expect(found.find(({ id }) => id === changed.id)?.label).toBe('cyst');
  expect(() => after.annotations.measurements.delete(deleted.id)).toThrow(Fault);
  expect(after.annotations.measurements.all('1.2.4')).toEqual([]);
  expect(after.annotations.measurements.all(null)).toEqual(found);
  expect(after.annotations.measurements.imageOf('1.2.3.1.1')).toEqual({
    patientID: 'P1',
    accessionNumber: '',
    studyDate: '20240102',
    seriesNumber: null,
    seriesDescription: '',
    instanceNumber: 1,
  });
  expect(after.annotations.measurements.imageOf('9.9')).toBeNull();
});

it('an outline, an arrow with its words and the mark of a key image are kept like the rest', async () => {
  const { open } = await libraryOfOneSlice();
  const before = open();
  const kept = [
    length({ kind: 'arrow', label: 'here', values: {} }),
    length({
      kind: 'freehand',
      points: Array.from({ length: 2_000 }, (_, at) => [at / 100, at % 7]),
      values: { mean: -12 },
      unit: 'HU',
    }),
    length({ kind: 'key-image', points: [], values: {} }),
  ];
  for (const measurement of kept) before.annotations.measurements.save(measurement);
  before.close();
  const after = open();
  onTestFinished(() => after.close());
  const found = after.annotations.measurements.all('1.2.3');
  expect(found).toHaveLength(3);
  for (const measurement of kept) expect(found).toContainEqual(measurement);
});

it('a measurement that contradicts its instance is refused with the reason', async () => {
  const { open } = await libraryOfOneSlice();
  const library = open();
  onTestFinished(() => library.close());
  const refused: [Partial<Measurement>, RegExp][] = [
    [{ sopInstanceUID: '9.9' }, /not in this library/],
    [{ seriesInstanceUID: '1.2.3.2' }, /another series/],
    [{ frame: 2 }, /frame 2 of 1/],
    [{ kind: 'angle' }, /3 points, not 2/],
    [{ kind: 'freehand' }, /3 points, not 2/],
    [{ kind: 'key-image' }, /0 points, not 2/],
  ];
  for (const [changes, why] of refused)
    expect(() => library.annotations.measurements.save(length(changes))).toThrow(why);
  expect(library.annotations.measurements.all('1.2.3')).toEqual([]);
});

it('what old ones lack is told by their image, and said where it cannot be read any more', async () => {
  const { folder, open } = await libraryOfOneSlice();
  const library = open();
  onTestFinished(() => library.close());
  const old: Measurement[] = [
    length({ spacingKind: '' }),
    length({ kind: 'probe', points: [[1, 2]], values: { value: 7 }, unit: '', spacingKind: '' }),
    length({ kind: 'angle', points: [[0, 0], [1, 0], [1, 1]], values: { angleDegrees: 90 }, spacingKind: '' }), // prettier-ignore
  ];
  const told = async (): Promise<string[]> =>
    (await library.annotations.withUnits(old)).map(({ unit, spacingKind }) => `${unit}/${spacingKind}`);
  expect(await told()).toEqual(['/patient', 'HU/', '/']);
  rmSync(path.join(folder, '..', 'slice.dcm'));
  expect(await told()).toEqual(['/unknown', 'unit not known/', '/']);
});

it('imagiq measurements writes them as comma separated values, a column for each value', async () => {
  const { folder, open } = await libraryOfOneSlice();
  const library = open();
  library.annotations.measurements.save(length({ label: '=1+1, "left"' }));
  library.annotations.measurements.save(
    length({
      kind: 'probe',
      points: [[1, 2]],
      values: { mean: 7 },
      unit: 'HU',
      frame: 1,
      label: '',
      changedAt: '2027',
    }),
  );
  library.close();
  const file = path.join(folder, '..', 'measurements.csv');
  const { code } = await imagiq('--home', folder, 'measurements', '1.2.3', '--out', file);
  expect(code).toBe(0);
  const [header, first, second] = readFileSync(file, 'utf8').split('\r\n');
  expect(header).toBe(
    'PatientID,AccessionNumber,StudyDate,StudyInstanceUID,SeriesNumber,SeriesDescription,SeriesInstanceUID,InstanceNumber,SOPInstanceUID,frame,kind,label,changedAt,points,unit,spacingKind,lengthMm,mean',
  );
  expect(first).toBe(
    `P1,,20240102,1.2.3,,,1.2.3.1,1,1.2.3.1.1,1,length,"'=1+1, ""left""",2026-01-02T03:04:05Z,0.5 1; 3 1,,patient,2.5,`,
  );
  expect(second).toBe('P1,,20240102,1.2.3,,,1.2.3.1,1,1.2.3.1.1,1,probe,,2027,1 2,HU,patient,,7');
  const all = await imagiq('--home', folder, 'measurements', '--all');
  expect(all.stdout.trimEnd().split(/\r?\n/)).toEqual([header, first, second]);
  expect((await imagiq('--home', folder, 'measurements', '1.2.3', '--all')).code).toBe(2);
  expect((await imagiq('--home', folder, 'measurements')).code).toBe(2);
});
