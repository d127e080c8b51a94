// The library with real files, threads and SQLite in a folder of its own.
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ImportProgress, ImportReport, StudyQuery } from '../../../../src/contract/dicom.ts';
import { faultValueOf } from '../../../../src/contract/fault.ts';
import type { Preparing } from '../../../../src/contract/calls.ts';
import { openDatabase } from '../../../../src/station/library/database.ts';
import { openLibrary } from '../../../../src/station/library/library.ts';
import { migrations } from '../../../../src/station/library/schema.ts';
import { dicomFile, sliceElements, type SliceSpec } from '../../../fixtures/dicom-bytes.ts';
import { FilesAndLibrary } from './files-and-library.ts';

let place: FilesAndLibrary;
beforeEach(() => {
  place = new FilesAndLibrary();
});
afterEach(() => place.close());

const write = (name: string, bytes: Uint8Array | string): string => place.write(name, bytes);

const writeSlice = (name: string, spec: SliceSpec, syntax?: string): string =>
  write(name, dicomFile(sliceElements(spec), syntax));

function importAll(
  options: Partial<{
    mode: 'reference' | 'copy';
    signal: AbortSignal;
    onProgress: (progress: ImportProgress) => void;
    paths: string[];
  }> = {},
): Promise<ImportReport> {
  const {
    mode = 'reference',
    signal = new AbortController().signal,
    onProgress = () => {},
    paths = [place.files],
  } = options;
  return place.library.importPaths(paths, { mode, signal, onProgress });
}

const query = (changes: Partial<StudyQuery> = {}): StudyQuery => ({
  query: '',
  filters: [],
  limit: 100,
  offset: 0,
  sortBy: 'studyDate',
  descending: true,
  ...changes,
});

const counts = ({ files: all, imported, duplicates, refused }: ImportReport): number[] => [
  all,
  imported,
  duplicates,
  refused,
];

async function faultOf(act: () => unknown): Promise<number | null> {
  try {
    await act();
    return null;
  } catch (error) {
    return faultValueOf(error).code;
  }
}

const mountProgram = '/bin/mount';
const unmountProgram = '/bin/umount';

/** Mounts a disk of 1 MB, where root may. */
function canMount(at: string): boolean {
  try {
    execFileSync(mountProgram, ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', at], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('importing', () => {
  it('accounts for every file: imported, duplicate or refused with a reason', async () => {
    writeSlice('a/1.dcm', { uid: '1.2.3.1.1' });
    writeSlice('a/2', { uid: '1.2.3.1.2' }, '1.2.840.10008.1.2');
    writeSlice('b/copy-of-1.dcm', { uid: '1.2.3.1.1' });
    writeSlice('b/other-1.dcm', { uid: '1.2.3.1.1', fill: 9 });
    write('b/cut-pixels.dcm', dicomFile(sliceElements({ uid: '1.2.3.1.3' })).subarray(0, -10));
    write('b/cut-header.dcm', dicomFile(sliceElements({ uid: '1.2.3.1.4' })).subarray(0, 260));
    write('c/notes.txt', 'These are notes and nothing else.');
    write('c/empty.dcm', '');
    write('c/picture.PNG', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'));
    write('c/no-study.dcm', dicomFile(sliceElements({ uid: '1.2.3.1.5' }).filter((one) => one.tag !== 0x0020000d)));
    write('DICOMDIR', dicomFile([{ tag: 0x00041220, value: [] }]));
    const report = await importAll();
    expect(counts(report)).toEqual([10, 3, 1, 6]);
    expect(report).toMatchObject({ studies: 1, series: 1, cancelled: false });
    const reasons = Object.fromEntries(report.refusals.map((one) => [path.basename(one.path), one.reason]));
    expect(reasons).toEqual({
      'other-1.dcm': expect.stringMatching(
        /^Same SOP Instance UID with different content: .*1\.dcm is already here and stays\.$/,
      ),
      'cut-header.dcm': expect.stringContaining('Damaged before it can be identified'),
      'notes.txt': 'Not a DICOM file.',
      'empty.dcm': 'The file is empty.',
      'picture.PNG': expect.stringContaining('PNG'),
      'no-study.dcm': expect.stringContaining('No Study Instance UID'),
    });
    expect(place.library.instanceFile('1.2.3.1.3')?.damaged).toContain('pixel data');
  });

  it('takes a deflated file that is longer than its first bytes for whole, and a cut one for damaged', async () => {
    const noise = { tag: 0x7fe00010, vr: 'OW', value: randomBytes(2 * 256 * 256) };
    const deflated = (uid: string): Buffer =>
      dicomFile([...sliceElements({ uid, size: 256 }).slice(0, -1), noise], '1.2.840.10008.1.2.1.99');
    write('whole.dcm', deflated('1.2.3.1.1'));
    write('cut.dcm', deflated('1.2.3.1.2').subarray(0, -1000));
    expect(counts(await importAll())).toEqual([2, 2, 0, 0]);
    expect(place.library.instanceFile('1.2.3.1.1')?.damaged).toBeNull();
    expect(place.library.instanceFile('1.2.3.1.2')?.damaged).toContain('cut off');
  });

  it('knows an instance again in another transfer syntax, and refuses what was compressed with loss or made smaller', async () => {
    const slice = { uid: '1.2.3.1.1', size: 4 };
    writeSlice('1.dcm', slice);
    writeSlice('2.dcm', slice, '1.2.840.10008.1.2');
    writeSlice('3.dcm', { ...slice, fill: 9 }, '1.2.840.10008.1.2');
    const pixels = { tag: 0x7fe00010, vr: 'OB', value: Buffer.from('feff00e000000000feffdde000000000', 'hex') };
    const derivation = { tag: 0x00082111, value: 'Lossless JPEG compression' };
    const header = sliceElements(slice).slice(0, -1);
    const compressed = [...header.slice(0, 5), derivation, ...header.slice(5), { ...pixels, undefinedLength: true }];
    write('4.dcm', dicomFile(compressed, '1.2.840.10008.1.2.4.70'));
    const lossy = { tag: 0x00282110, value: '01' };
    write('5.dcm', dicomFile([...compressed.slice(0, -1), lossy, ...compressed.slice(-1)], '1.2.840.10008.1.2.4.50'));
    const smaller = sliceElements({ ...slice, size: 2 }).slice(0, -1);
    write('6.dcm', dicomFile([...smaller, { ...pixels, undefinedLength: true }], '1.2.840.10008.1.2.4.70'));
    const report = await importAll();
    expect(counts(report)).toEqual([6, 1, 2, 3]);
    expect(report.refusals.map((one) => path.basename(one.path))).toEqual(['3.dcm', '5.dcm', '6.dcm']);
  });

  it('imports nothing twice, and takes up where a cancelled import stopped', async () => {
    for (let index = 0; index < 400; index += 1) {
      writeSlice(`${index}.dcm`, { uid: `1.2.3.1.${index}`, series: `1.2.3.${index % 2}` });
    }
    const cancel = new AbortController();
    const first = await importAll({
      signal: cancel.signal,
      onProgress: (progress) => progress.imported > 0 && cancel.abort(),
    });
    expect(first.cancelled).toBe(true);
    expect(place.library.studies(query()).studies[0]?.instances ?? 0).toBe(first.imported);
    const second = await importAll();
    expect(second.imported + second.duplicates).toBe(400);
    expect(second.duplicates).toBe(first.imported);
    expect(counts(await importAll())).toEqual([400, 0, 400, 0]);
    expect(place.library.studies(query()).studies[0]).toMatchObject({
      instances: 400,
      series: [{ instances: 200 }, { instances: 200 }],
    });
  });

  it('copies files under the hash of their content, and needs the originals no more', async () => {
    const file = writeSlice('1.dcm', { uid: '1.2.3.1.1' });
    const hash = createHash('sha256').update(readFileSync(file)).digest('hex');
    expect(counts(await importAll({ mode: 'copy' }))).toEqual([1, 1, 0, 0]);
    rmSync(file);
    const stored = place.library.instanceFile('1.2.3.1.1')!.path;
    expect(stored).toBe(path.join(place.home, 'instances', hash.slice(0, 2), `${hash}.dcm`));
    expect(createHash('sha256').update(readFileSync(stored)).digest('hex')).toBe(hash);
    writeSlice('changed.dcm', { uid: '1.2.3.1.1', fill: 5 });
    expect(counts(await importAll({ mode: 'copy' }))).toEqual([1, 0, 0, 1]);
    expect((await place.library.header('1.2.3.1.1')).length).toBeGreaterThan(10);
  });

  it('finds an instance again whose file was moved', async () => {
    const file = writeSlice('1.dcm', { uid: '1.2.3.1.1' });
    await importAll();
    mkdirSync(path.join(place.files, 'moved'));
    renameSync(file, path.join(place.files, 'moved', '1.dcm'));
    expect(await faultOf(() => place.library.header('1.2.3.1.1'))).toBe(108);
    const report = await importAll();
    expect(counts(report)).toEqual([1, 0, 1, 0]);
    const foundAgain = { kind: 'found-again', findings: 1, count: 1 };
    expect(report.findings).toContainEqual(foundAgain);
    expect(place.library.instanceFile('1.2.3.1.1')?.path).toContain('moved');
    expect((await importAll()).findings).not.toContainEqual(foundAgain);
  });

  it('forgets of a file that was changed where it lies what it said before', async () => {
    writeSlice('kept.dcm', { uid: '1.2.3.1.1' });
    writeSlice('changed.dcm', { uid: '1.2.3.2.1', series: '1.2.3.2', modality: 'PT' });
    await importAll();
    writeSlice('changed.dcm', { uid: '1.2.3.2.1', series: '1.2.3.3', modality: 'MR', fill: 1 });
    expect(counts(await importAll())).toEqual([2, 1, 1, 0]);
    expect(place.library.studies(query()).studies[0]).toMatchObject({ modalities: ['CT', 'MR'], instances: 2 });
    const filters = [{ field: 'modality' as const, anyOf: ['PT'] }];
    expect(place.library.studies({ ...query(), filters }).total).toBe(0);
  });

  it('reads a segmentation anew whose file was changed where it lies', async () => {
    writeSlice('1.dcm', { uid: '1.2.3.1.1' });
    const segmentation = sliceElements({ uid: '1.2.3.2.1', series: '1.2.3.2', modality: 'SEG', size: 0 }).map((one) =>
      one.tag === 0x00080016 ? { ...one, value: '1.2.840.10008.5.1.4.1.1.66.4' } : one,
    );
    write('seg.dcm', dicomFile(segmentation));
    await importAll();
    expect(await place.library.annotations.overlays('1.2.3.1')).toEqual([]);
    const reference = { tag: 0x00081115, value: [[{ tag: 0x0020000e, value: '1.2.3.1' }]] };
    write('seg.dcm', dicomFile([...segmentation, reference].sort((a, b) => a.tag - b.tag)));
    await importAll();
    expect(await place.library.annotations.overlays('1.2.3.1')).toHaveLength(1);
  });

  it('finds an instance again whose copy is gone from the store', async () => {
    writeSlice('1.dcm', { uid: '1.2.3.1.1' });
    await importAll({ mode: 'copy' });
    rmSync(place.library.instanceFile('1.2.3.1.1')!.path);
    expect(counts(await importAll())).toEqual([1, 0, 1, 0]);
    expect(place.library.instanceFile('1.2.3.1.1')?.path).toBe(path.join(place.files, '1.dcm'));
  });

  it('walks each folder once, also when links lead in circles', async () => {
    writeSlice('a/1.dcm', { uid: '1.2.3.1.1' });
    symlinkSync(place.files, path.join(place.files, 'a', 'loop'));
    symlinkSync(path.join(place.files, 'nowhere'), path.join(place.files, 'broken'));
    const report = await importAll();
    expect(counts(report)).toEqual([2, 1, 0, 1]);
    expect(report.refusals[0]?.reason).toBe('The link leads nowhere.');
  });

  it('refuses a path that is not there, naming it, and imports the others', async () => {
    writeSlice('1.dcm', { uid: '1.2.3.1.1' });
    const absent = path.join(place.files, 'absent');
    const report = await importAll({ paths: [absent, place.files] });
    expect(counts(report)).toEqual([2, 1, 0, 1]);
    expect(report.refusals).toEqual([{ path: absent, reason: expect.stringContaining('does not exist') }]);
  });

  it('is a fault where none of the paths can be read', async () => {
    const absent = path.join(place.files, 'absent');
    const fault = await importAll({ paths: [absent, `${absent}-too`] }).catch(faultValueOf);
    expect(fault).toMatchObject({ code: 100, message: expect.stringContaining(absent), retry: 'later' });
  });

  it('remembers where a copied file was found, and sweeps what a killed import left unfinished', async () => {
    const file = writeSlice('a/1.dcm', { uid: '1.2.3.1.1' });
    await importAll({ mode: 'copy' });
    const [selected] = place.library.selectInstances({ query: '', studyInstanceUIDs: null });
    expect(selected?.path).toBe(file);
    const unfinished = path.join(place.home, 'unfinished');
    mkdirSync(unfinished, { recursive: true });
    writeFileSync(path.join(unfinished, 'half'), 'half a file');
    place.reopen();
    expect(existsSync(unfinished)).toBe(false);
    expect(existsSync(place.library.instanceFile('1.2.3.1.1')!.path)).toBe(true);
  });

  it('runs one import at a time', async () => {
    writeSlice('1.dcm', { uid: '1.2.3.1.1' });
    const running = importAll();
    expect(await faultOf(() => importAll())).toBe(109);
    expect(counts(await running)).toEqual([1, 1, 0, 0]);
  });

  it('says that the disk is full and keeps what is stored', async (ctx) => {
    const small = path.join(place.folder, 'small');
    mkdirSync(small);
    ctx.skip(!canMount(small), 'a small disk cannot be mounted here');
    const crowded = openLibrary({ folder: small });
    try {
      for (let index = 0; index < 200; index += 1) writeSlice(`${index}.dcm`, { uid: `1.2.3.1.${index}`, size: 64 });
      const fault = await crowded
        .importPaths([place.files], { mode: 'copy', signal: new AbortController().signal, onProgress: () => {} })
        .catch(faultValueOf);
      expect(fault).toMatchObject({ code: 101, retry: 'later' });
      const [kept] = crowded.studies(query()).studies;
      for (const { sopInstanceUID } of crowded.instances('1.2.3.1')?.instances ?? [])
        await crowded.header(sopInstanceUID);
      expect(kept?.instances ?? 0).toBe(crowded.instances('1.2.3.1')?.instances.length ?? 0);
    } finally {
      crowded.close();
      execFileSync(unmountProgram, [small]);
    }
  });
});

describe('asking', () => {
  beforeEach(async () => {
    writeSlice('1.dcm', {
      uid: '1.1.1',
      study: '1.1',
      series: '1.1.0',
      patientID: 'A-17',
      patientName: 'Müller^Jörg',
      studyDate: '20200101',
    });
    writeSlice('2.dcm', {
      uid: '1.2.1',
      study: '1.2',
      series: '1.2.0',
      patientID: 'B2',
      patientName: 'adams^Ann',
      modality: 'MR',
      description: 'Brain T1',
      studyDate: '20210101',
    });
    writeSlice('3.dcm', {
      uid: '1.2.2',
      study: '1.2',
      series: '1.2.9',
      patientID: 'B2',
      patientName: 'adams^Ann',
      modality: 'CT',
      description: 'Brain T1',
      studyDate: '20210101',
    });
    writeSlice('4.dcm', {
      uid: '1.10.1',
      study: '1.10',
      series: '1.10.0',
      patientID: '',
      patientName: 'Zed',
      modality: 'CR',
      studyDate: '20190101',
      size: 0,
    });
    await importAll();
  });

  const found = (changes: Partial<StudyQuery>): string[] =>
    place.library.studies(query(changes)).studies.map((study) => study.studyInstanceUID);

  it('finds studies by beginnings of words, without accents, and by UIDs', () => {
    expect(found({ query: 'mul jor' })).toEqual(['1.1']);
    expect(found({ query: 'a-17' })).toEqual(['1.1']);
    expect(found({ query: 'brain t' })).toEqual(['1.2']);
    expect(found({ query: 'brain mul' })).toEqual([]);
    expect(found({ query: '1.2.9' })).toEqual(['1.2']);
    expect(found({ query: '1.10.1' })).toEqual(['1.10']);
    expect(found({ query: '" OR *' })).toEqual([]);
    expect(found({ query: '^' })).toEqual([]);
    expect(found({ query: ' ' })).toHaveLength(3);
    const ofModality = (modality: string): string[] => found({ filters: [{ field: 'modality', anyOf: [modality] }] });
    expect(ofModality('mr')).toEqual(ofModality('MR'));
  });

  it('filters by modality, sorts without regard to case, and pages', () => {
    expect(found({ filters: [{ field: 'modality', anyOf: ['CT'] }] })).toEqual(['1.2', '1.1']);
    expect(found({ sortBy: 'patientName', descending: false })).toEqual(['1.2', '1.1', '1.10']);
    expect(found({ limit: 1, offset: 1 })).toEqual(['1.1']);
    expect(place.library.studies(query({ limit: 1 })).total).toBe(3);
    expect(place.library.study('1.2')).toMatchObject({
      modalities: ['CT', 'MR'],
      instances: 2,
      patientName: 'adams^Ann',
    });
    expect(place.library.study('9.9')).toBeNull();
  });

  it('selects instances with pixel data for a cohort', () => {
    const all = [...place.library.selectInstances({ query: '', studyInstanceUIDs: null })];
    expect(all.map((one) => one.sopInstanceUID)).toEqual(['1.1.1', '1.2.1', '1.2.2']);
    expect(all[0]).toMatchObject({
      patientID: 'A-17',
      rows: 4,
      columns: 4,
      frames: 1,
      path: path.join(place.files, '1.dcm'),
    });
    expect([...place.library.selectInstances({ query: 'brain', studyInstanceUIDs: ['1.1', '1.2'] })]).toHaveLength(2);
  });

  it('lists a header with keywords and readable values', async () => {
    const elements = await place.library.header('1.2.1');
    expect(elements).toContainEqual({
      depth: 0,
      tag: '(0010,0010)',
      vr: 'PN',
      keyword: 'PatientName',
      value: 'adams^Ann',
    });
    expect(elements).toContainEqual({
      depth: 0,
      tag: '(7FE0,0010)',
      vr: 'OW',
      keyword: 'PixelData',
      value: '32 bytes',
    });
    expect(await faultOf(() => place.library.header('9.9'))).toBe(106);
  });

  it('orders a series by position along its normal', async () => {
    for (const [index, positionMm] of [30, -10, 20].entries()) {
      writeSlice(`series/${index}.dcm`, {
        uid: `5.1.${index}`,
        study: '5',
        series: '5.1',
        instanceNumber: index + 1,
        positionMm,
      });
    }
    await importAll();
    expect(place.library.instances('5.1')?.instances.map((one) => one.sopInstanceUID)).toEqual([
      '5.1.1',
      '5.1.2',
      '5.1.0',
    ]);
    expect(place.library.instances('9.9')).toBeNull();
  });

  it('lists what is derived from images after them, whatever its number', async () => {
    const study = '7.7';
    writeSlice('derived/seg.dcm', { uid: '7.7.1.1', study, series: '7.7.1', modality: 'SEG' });
    writeSlice('derived/structures.dcm', { uid: '7.7.2.1', study, series: '7.7.2', modality: 'RTSTRUCT', size: 0 });
    writeSlice('derived/report.dcm', { uid: '7.7.3.1', study, series: '7.7.3', modality: 'SR', size: 0 });
    writeSlice('derived/z.dcm', { uid: '7.7.4.1', study, series: '7.7.4', modality: 'CT' });
    await importAll();
    const modalities = place.library.study(study)?.series.map(({ modality }) => modality) ?? [];
    expect([modalities[0], modalities.length]).toEqual(['CT', 4]);
    await place.library.remove(
      { uids: [study], patientIDs: [] },
      { signal: new AbortController().signal, onProgress: () => {} },
    );
  });

  it('keeps everything when closed and opened again', () => {
    place.reopen();
    expect(place.library.studies(query()).total).toBe(3);
  });
});

describe('opening', () => {
  it('tells each step of bringing an older index to this form, and is quiet about a new one', () => {
    const older = path.join(place.folder, 'older');
    mkdirSync(older);
    const db = new Database(path.join(older, 'library.sqlite'));
    for (const statement of migrations.slice(0, 3)) db.exec(statement);
    db.pragma('user_version = 3');
    db.close();
    const heard: Preparing[] = [];
    openDatabase(older, (progress) => heard.push(progress)).close();
    const steps = migrations.length - 3 + 1;
    expect(heard).toEqual(Array.from({ length: steps }, (_, index) => ({ step: index + 1, steps })));
    openDatabase(older, (progress) => heard.push(progress)).close();
    openDatabase(path.join(place.folder, 'new'), (progress) => heard.push(progress)).close();
    expect(heard).toHaveLength(steps);
  });

  it('refuses an index that is no database, or one of a newer version, and leaves it as it is', async () => {
    const broken = path.join(place.folder, 'broken');
    mkdirSync(broken);
    writeFileSync(
      path.join(broken, 'library.sqlite'),
      'this is no database, it only looks like a file of that name'.repeat(100),
    );
    expect(await faultOf(() => openLibrary({ folder: broken }))).toBe(102);
    const newer = path.join(place.folder, 'newer');
    mkdirSync(newer);
    copyFileSync(path.join(place.home, 'library.sqlite'), path.join(newer, 'library.sqlite'));
    const db = new Database(path.join(newer, 'library.sqlite'));
    db.pragma('user_version = 999');
    db.close();
    expect(await faultOf(() => openLibrary({ folder: newer }))).toBe(103);
  });
});
