// Discs with a DICOMDIR through the real library: what it lists and the disc does not have.
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ImportReport } from '../../../../src/contract/dicom.ts';
import { type Library, openLibrary } from '../../../../src/station/library/library.ts';
import { dicomFile, sliceElements } from '../../../fixtures/dicom-bytes.ts';

let folder: string;
let disc: string;
let library: Library;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-disc-'));
  disc = path.join(folder, 'disc');
  mkdirSync(path.join(disc, 'IMAGES'), { recursive: true });
  library = openLibrary({ folder: path.join(folder, 'home') });
});
afterEach(() => {
  library.close();
  rmSync(folder, { recursive: true, force: true });
});

const importFrom = (...paths: string[]): Promise<ImportReport> =>
  library.importPaths(paths, { mode: 'reference', signal: new AbortController().signal, onProgress: () => {} });

/** A DICOMDIR of image records alone; in use where the number is 0xFFFF. */
const directory = (files: readonly [string, number][]): Buffer =>
  dicomFile([
    {
      tag: 0x00041220,
      value: files.map(([file, inUse]) => [
        { tag: 0x00041410, value: inUse, vr: 'US' },
        { tag: 0x00041430, value: 'IMAGE', vr: 'CS' },
        { tag: 0x00041500, value: file, vr: 'CS' },
      ]),
    },
  ]);
const slice = (number: number): Buffer => dicomFile(sliceElements({ uid: `1.2.3.1.${number}` }));

describe('a disc with a DICOMDIR', () => {
  beforeEach(() => {
    writeFileSync(path.join(disc, 'IMAGES', 'im1.;1'), slice(1));
    writeFileSync(path.join(disc, 'IMAGES', 'unlisted'), slice(2));
    const listed: [string, number][] = [
      ['IMAGES\\IM1', 0xffff],
      ['IMAGES\\IM3', 0xffff],
      ['GONE\\IM4', 0xffff],
      ['IMAGES\\DELETED', 0],
      ['..\\OUTSIDE', 0xffff],
    ];
    writeFileSync(path.join(disc, 'DICOMDIR'), directory(listed));
  });

  it('tells the files that are listed and not there, whatever the case and version of names', async () => {
    const report = await importFrom(disc);
    expect(report).toMatchObject({ files: 4, imported: 2, refused: 2 });
    expect(report.refusals).toEqual(
      ['IMAGES/IM3', 'GONE/IM4'].map((file) => ({
        path: path.join(disc, file),
        reason: 'Listed in the DICOMDIR, but not there.',
      })),
    );
    expect(report.findings).toContainEqual({ kind: 'missing-files', findings: 2, count: 2 });
  });

  it('is imported when the DICOMDIR itself is given, also among other paths and in small letters', async () => {
    renameSync(path.join(disc, 'DICOMDIR'), path.join(disc, 'dicomdir'));
    const other = path.join(folder, 'other.dcm');
    writeFileSync(other, slice(9));
    expect(await importFrom(path.join(disc, 'dicomdir'), other)).toMatchObject({ files: 5, imported: 3, refused: 2 });
  });

  it('is read out of a zip archive as well', async () => {
    const zip = path.join(folder, 'disc.zip');
    const members = {
      'cd/DICOMDIR': directory([
        ['A\\1', 0xffff],
        ['A\\2', 0xffff],
      ]),
      'cd/a/1': slice(1),
    };
    writeFileSync(zip, zipSync(members));
    const report = await importFrom(zip);
    expect(report).toMatchObject({ files: 2, imported: 1, refused: 1 });
    expect(report.refusals).toEqual([{ path: `${zip}/cd/A/2`, reason: 'Listed in the DICOMDIR, but not there.' }]);
  });

  it('that came alone is one file, with what to do', async () => {
    const alone = path.join(folder, 'alone');
    mkdirSync(alone);
    writeFileSync(
      path.join(alone, 'DICOMDIR'),
      directory([
        ['A\\1', 0xffff],
        ['A\\2', 0xffff],
      ]),
    );
    const zip = path.join(folder, 'alone.zip');
    writeFileSync(zip, zipSync({ DICOMDIR: directory([['A\\1', 0xffff]]) }));
    const reason = (files: string): string =>
      `A DICOMDIR alone: it only lists ${files}, of which none is beside it. Copy the whole disc, folders and all, and import that.`;
    expect(await importFrom(path.join(alone, 'DICOMDIR'))).toMatchObject({
      files: 1,
      refused: 1,
      refusals: [{ path: path.join(alone, 'DICOMDIR'), reason: reason('2 files') }],
    });
    const packed = await importFrom(zip);
    expect(packed.refusals).toEqual([{ path: `${zip}/DICOMDIR`, reason: reason('1 file') }]);
    // An index that was read is not unreadable.
    expect(packed.findings).toEqual([{ kind: 'missing-files', findings: 1, count: 1 }]);
  });

  it('that is damaged hides none of the files', async () => {
    writeFileSync(path.join(disc, 'DICOMDIR'), directory([['IMAGES\\IM1', 0xffff]]).subarray(0, 200));
    const report = await importFrom(disc);
    expect(report.imported).toBe(2);
  });
});

const pydicomDisc = path.resolve('../shared/data/dicom/pydicom/test_files/dicomdirtests');
describe.skipIf(!existsSync(pydicomDisc))('the disc of ../shared/data/dicom/pydicom', () => {
  it('is imported whole, and one file taken off it is told', async () => {
    const copy = path.join(folder, 'pydicom');
    cpSync(pydicomDisc, copy, { recursive: true });
    const whole = await importFrom(path.join(copy, 'DICOMDIR'));
    expect(whole.imported).toBeGreaterThan(20);
    const told = whole.refusals.filter(({ reason }) => reason.startsWith('Listed'));
    rmSync(path.join(copy, '77654033', 'CR1', '6154'));
    const after = await importFrom(copy);
    const toldAfter = after.refusals.filter(({ reason }) => reason.startsWith('Listed'));
    expect(toldAfter.map((one) => path.relative(copy, one.path))).toContain('77654033/CR1/6154');
    expect(toldAfter.length).toBe(told.length + 1);
  });
});
