// The validation report of imports, with real files, threads and SQLite.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ImportReport } from '../../../../../src/contract/dicom.ts';
import { faultValueOf } from '../../../../../src/contract/fault.ts';
import type { Finding } from '../../../../../src/contract/import-report.ts';
import { type Library, openLibrary } from '../../../../../src/station/library/library.ts';
import { importAnswers } from '../../../../../src/station/library/validation/import-answers.ts';
import { dicomFile, type ElementSpec, sliceElements, type SliceSpec } from '../../../../fixtures/dicom-bytes.ts';

let folder: string;
let files: string;
let library: Library;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-report-'));
  files = path.join(folder, 'files');
  mkdirSync(files);
  library = openLibrary({ folder: path.join(folder, 'home') });
});
afterEach(() => {
  library.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What a slice of CT must have to be found whole. */
const whole: ElementSpec[] = [
  { tag: 0x00280030, value: '0.7\\0.7' },
  { tag: 0x00281052, value: '-1024' },
  { tag: 0x00281053, value: '1' },
];
const without = (elements: ElementSpec[], ...left: number[]): ElementSpec[] =>
  elements.filter(({ tag }) => !left.includes(tag));

function write(name: string, spec: SliceSpec, more: ElementSpec[] = whole, left: number[] = []): void {
  const tagged = more.map(({ tag }) => tag);
  const elements = [...without(sliceElements(spec), ...tagged, ...left), ...more].sort((a, b) => a.tag - b.tag);
  writeFileSync(path.join(files, name), dicomFile(elements));
}

function writeStack(positions: readonly number[], series = '1.2.3.1', more: ElementSpec[] = whole): void {
  for (const [index, positionMm] of positions.entries())
    write(
      `${series}-${index}.dcm`,
      { uid: `${series}.${index + 1}`, series, positionMm, instanceNumber: index + 1 },
      more,
    );
}

const importAll = (): Promise<ImportReport> =>
  library.importPaths([files], { mode: 'reference', signal: new AbortController().signal, onProgress: () => {} });

const findingsOf = (id: number): Finding[] =>
  library.imports.findings({ id, kind: null, limit: 1_000, offset: 0 }).findings;

async function foundIn(): Promise<[string, string][]> {
  const { id } = await importAll();
  return findingsOf(id).map(({ kind, what }) => [kind, what]);
}

describe('the report of an import', () => {
  it('finds nothing amiss in a whole series', async () => {
    writeStack([0, 2, 4, 6, 8]);
    expect(await foundIn()).toEqual([]);
  });

  it('lists unreadable files, strangers and contradicting copies by kind', async () => {
    writeStack([0, 2, 4, 6, 8]);
    writeFileSync(path.join(files, 'a-notes.txt'), 'These are notes and nothing else, long enough for a header.');
    writeFileSync(path.join(files, 'b-empty.dcm'), '');
    write('z-other.dcm', { uid: '1.2.3.1.2', positionMm: 2, fill: 9 });
    const report = await importAll();
    expect(report.findings).toEqual([
      { kind: 'unreadable', findings: 1, count: 1 },
      { kind: 'different-content', findings: 1, count: 1 },
      { kind: 'not-dicom', findings: 1, count: 1 },
    ]);
    expect(findingsOf(report.id).map(({ subject }) => path.basename(subject))).toEqual([
      'b-empty.dcm',
      'z-other.dcm',
      'a-notes.txt',
    ]);
  });

  it('finds what is amiss in the slices of a series, over all that the library holds of it', async () => {
    writeStack([0, 2, 4, 6, 8, 14, 16, 18]);
    expect(await foundIn()).toEqual([
      ['missing-slices', '2 slices missing: 2 between 8 mm (image 5) and 14 mm (image 6).'],
    ]);
    write('late-1.dcm', { uid: '1.2.3.1.91', positionMm: 10, instanceNumber: 91 });
    write('late-2.dcm', { uid: '1.2.3.1.92', positionMm: 12, instanceNumber: 92 });
    expect(await foundIn()).toEqual([]);
    write('twice.dcm', { uid: '1.2.3.1.93', positionMm: 12, instanceNumber: 93 });
    expect(await foundIn()).toEqual([['duplicate-slices', '1 image at a position that another holds: 12 mm.']]);
  });

  it('finds a localiser among slices, other sizes and other spacings', async () => {
    writeStack([0, 2, 4, 6, 8]);
    write('scout.dcm', { uid: '1.2.3.1.90', positionMm: 0, size: 8 }, [
      { tag: 0x00200037, value: '0\\1\\0\\0\\0\\-1' },
      { tag: 0x00280030, value: '1.5\\1.5' },
      ...whole.slice(1),
    ]);
    expect(await foundIn()).toEqual([
      ['mixed-orientations', '2 orientations in one series: 5 axial, 1 sagittal.'],
      ['mixed-image-sizes', '2 image sizes: 5 of 4×4, 1 of 8×8.'],
      ['mixed-pixel-spacings', '2 pixel spacings: 5 with 0.7×0.7 mm, 1 with 1.5×1.5 mm.'],
    ]);
  });

  it('finds a tilted gantry by its attribute', async () => {
    writeStack([0, 2, 4, 6, 8], '1.2.3.1', [...whole, { tag: 0x00181120, value: '-14' }]);
    expect(await foundIn()).toEqual([['gantry-tilt', 'All 5 slices tilted by 14°.']]);
  });

  it('finds missing attributes and patients without ID, and does not take a zero for none', async () => {
    write('a.dcm', { uid: '1.2.3.1.1', positionMm: 0, patientID: '' }, whole.slice(0, 2));
    write('b.dcm', { uid: '1.2.3.1.2', positionMm: 2, patientID: '' }, whole, [0x00280004]);
    expect(await foundIn()).toEqual([
      ['missing-patient-id', '2 files without PatientID.'],
      ['missing-attributes', 'Absent or empty: RescaleSlope (in 1 of 2), PhotometricInterpretation (in 1 of 2).'],
    ]);
  });

  it('suspects text by annotation, modality and class, and says that it is a suspicion', async () => {
    write('a.dcm', { uid: '1.2.3.1.1', positionMm: 0 }, [...whole, { tag: 0x00280301, value: 'YES' }]);
    write('b.dcm', { uid: '1.2.3.2.1', series: '1.2.3.2', modality: 'US' }, [
      { tag: 0x00080016, value: '1.2.840.10008.5.1.4.1.1.6.1' },
      { tag: 0x00280301, value: 'NO' },
    ]);
    expect(await foundIn()).toEqual([
      ['burned-in-text', '1 image: BurnedInAnnotation says YES.'],
      ['burned-in-text', '1 image: BurnedInAnnotation says NO, but US images often carry text.'],
    ]);
  });

  it('tells the same suspicion about many series once, with its count', async () => {
    for (let index = 1; index <= 5; index += 1)
      write(`${index}.dcm`, { uid: `1.2.3.${index}.1`, series: `1.2.3.${index}`, modality: 'US' }, [
        { tag: 0x00080016, value: '1.2.840.10008.5.1.4.1.1.6.1' },
      ]);
    expect(await foundIn()).toEqual([
      ['burned-in-text', '5 images: BurnedInAnnotation says nothing, but US images often carry text.'],
    ]);
  });

  it('tells damaged files and compressions that cannot be decoded', async () => {
    writeStack([0, 2, 4, 6]);
    const elements = [...sliceElements({ uid: '1.2.3.1.7', positionMm: 8 }), ...whole].sort((a, b) => a.tag - b.tag);
    writeFileSync(path.join(files, 'cut.dcm'), dicomFile(elements).subarray(0, -10));
    const video = sliceElements({ uid: '1.2.3.2.1', series: '1.2.3.2', modality: 'XC', size: 4 });
    writeFileSync(path.join(files, 'video.dcm'), dicomFile(video, '1.2.840.10008.1.2.4.100'));
    const kinds = (await foundIn()).filter(([kind]) => kind === 'damaged' || kind === 'unsupported-transfer-syntax');
    expect(kinds).toEqual([
      ['damaged', '1 of 5 files could be read in part only: the file ends inside its pixel data.'],
      ['unsupported-transfer-syntax', '1 file: transfer syntax 1.2.840.10008.1.2.4.100, which ImagiQ cannot decode.'],
    ]);
  });
});

describe('past imports', () => {
  it('are listed newest first and stay after the library is opened again', async () => {
    writeStack([0, 2, 4, 6]);
    await importAll();
    await importAll();
    library.close();
    library = openLibrary({ folder: path.join(folder, 'home') });
    const { total, imports } = library.imports.list({ limit: 10, offset: 0 });
    expect(total).toBe(2);
    expect(imports.map(({ id, imported, duplicates, paths }) => [id, imported, duplicates, paths])).toEqual([
      [2, 0, 4, [files]],
      [1, 4, 0, [files]],
    ]);
  });

  it('are exported as CSV, JSON and HTML in which a file name is no formula and no markup', async () => {
    writeFileSync(path.join(files, '=1,<b>.dcm'), '');
    const { id } = await importAll();
    const answers = importAnswers(library.imports);
    const text = async (format: 'csv' | 'json' | 'html'): Promise<string> =>
      (await answers['export-import']({ id, format, file: null })).text ?? '';
    expect(await text('csv')).toContain('problem,unreadable,');
    expect(await text('csv')).toContain('/=1,<b>.dcm",The file is empty.,1,');
    expect(JSON.parse(await text('json'))).toMatchObject({ import: { id }, findings: [{ kind: 'unreadable' }] });
    expect(await text('html')).not.toContain('<b>');
    const file = path.join(folder, 'report.csv');
    await answers['export-import']({ id, format: 'csv', file });
    expect(readFileSync(file, 'utf8')).toBe(await text('csv'));
  });

  it('that never were, and places where nothing can be written, are said to be so', async () => {
    writeStack([0]);
    const { id } = await importAll();
    const answers = importAnswers(library.imports);
    const faultOf = (act: () => unknown): number => {
      try {
        act();
        return 0;
      } catch (error) {
        return faultValueOf(error).code;
      }
    };
    expect(faultOf(() => answers['import-findings']({ id: 99, kind: null, limit: 1, offset: 0 }))).toBe(112);
    const file = path.join(folder, 'no', 'such', 'folder.csv');
    expect(faultOf(() => answers['export-import']({ id, format: 'csv', file }))).toBe(113);
  });
});
