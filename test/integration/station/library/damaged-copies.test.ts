// What becomes of a damaged file when a whole one of the same SOP Instance UID comes.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ImportReport } from '../../../../src/contract/dicom.ts';
import { openDatabase } from '../../../../src/station/library/database.ts';
import { type Library, openLibrary } from '../../../../src/station/library/library.ts';
import { dicomFile, sliceElements } from '../../../fixtures/dicom-bytes.ts';

const uid = '1.2.3.1.1';
const whole = dicomFile(sliceElements({ uid }));
const cut = whole.subarray(0, -10);
const modes = ['reference', 'copy'] as const;

let folder: string;
let home: string;
let library: Library;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-damaged-'));
  home = path.join(folder, 'home');
  library = openLibrary({ folder: home });
});
afterEach(() => {
  library.close();
  rmSync(folder, { recursive: true, force: true });
});

function write(name: string, bytes: Uint8Array): string {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, bytes);
  return file;
}

const bring = (file: string, mode: 'reference' | 'copy'): Promise<ImportReport> =>
  library.importPaths([path.dirname(file)], { mode, signal: new AbortController().signal, onProgress: () => {} });

/** Files in the store, relative to the library's folder. */
const stored = (): string[] =>
  !existsSync(path.join(home, 'instances'))
    ? []
    : readdirSync(path.join(home, 'instances'), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => path.relative(home, path.join(entry.parentPath, entry.name)));

const heldFile = (): string => library.instanceFile(uid)?.path ?? '';
const heldBytes = (): Buffer => readFileSync(heldFile());
const replacements = ({ id }: ImportReport): string[] =>
  library.imports.findings({ id, kind: 'replaced', limit: 10, offset: 0 }).findings.map(({ what }) => what);

async function hand(bytes: Uint8Array) {
  const file = library.intake().newFile();
  writeFileSync(file, bytes);
  const accepted = await library.intake().accept(file);
  await library.intake().flush();
  return accepted;
}

describe.each(modes)('a damaged file that was imported first (%s)', (first) => {
  it.each(modes)('makes way for the whole one (%s), and the report says so', async (second) => {
    const damaged = write('first/1.dcm', cut);
    await bring(damaged, first);
    const file = write('second/1.dcm', whole);
    const report = await bring(file, second);
    expect(report).toMatchObject({ imported: 1, duplicates: 0, refused: 0 });
    expect(replacements(report)).toEqual(['It replaced a damaged copy: the file ends inside its pixel data.']);
    expect(heldBytes().equals(whole)).toBe(true);
    expect(library.instanceFile(uid)?.damaged).toBeNull();
    // Originals are never touched; a copy of the damaged one is in nobody's way.
    expect(readFileSync(damaged).equals(cut)).toBe(true);
    expect(stored()).toHaveLength(second === 'copy' ? 1 : 0);
    expect(await library.frame(uid, 1)).toMatchObject({ rows: 4 });
  });

  it('makes way for one that is sent', async () => {
    await bring(write('first/1.dcm', cut), first);
    expect(await hand(whole)).toMatchObject({
      kind: 'imported',
      replaced: 'It replaced a damaged copy: the file ends inside its pixel data.',
    });
    expect(heldBytes().equals(whole)).toBe(true);
    expect(stored()).toHaveLength(1);
  });

  it('stays where the other is damaged too, or is of another series', async () => {
    await bring(write('first/1.dcm', cut), first);
    expect(await bring(write('second/1.dcm', whole.subarray(0, -20)), first)).toMatchObject({ refused: 1 });
    const elsewhere = dicomFile(sliceElements({ uid, series: '9.9.9' }));
    expect(await bring(write('third/1.dcm', elsewhere), first)).toMatchObject({ refused: 1 });
    expect((await hand(elsewhere)).kind).toBe('refused');
    expect(heldBytes().equals(cut)).toBe(true);
    expect(stored()).toHaveLength(first === 'copy' ? 1 : 0);
  });
});

describe.each(modes)('a whole file (%s)', (mode) => {
  it('is never replaced by a damaged one', async () => {
    await bring(write('first/1.dcm', whole), mode);
    const report = await bring(write('second/1.dcm', cut), mode);
    expect(report).toMatchObject({ imported: 0, refused: 1 });
    expect((await hand(cut)).kind).toBe('refused');
    expect(heldBytes().equals(whole)).toBe(true);
  });

  it('that was cut on the disk since is replaced, by the same and by another', async () => {
    const original = write('first/1.dcm', whole);
    await bring(original, mode);
    truncateSync(heldFile(), whole.length - 10);
    const report = await bring(write('second/1.dcm', whole), mode);
    expect(report).toMatchObject({ imported: 1, duplicates: 0, refused: 0 });
    expect(replacements(report)).toHaveLength(1);
    expect(heldBytes().equals(whole)).toBe(true);
    const other = dicomFile(sliceElements({ uid, fill: 9 }));
    truncateSync(heldFile(), 300);
    expect(await bring(write('third/1.dcm', other), mode)).toMatchObject({ imported: 1 });
    expect(heldBytes().equals(other)).toBe(true);
    expect(stored()).toHaveLength(mode === 'copy' ? 1 : 0);
  });

  it('that is gone is replaced by a whole one, not by a damaged one: its disk may come back', async () => {
    await bring(write('first/1.dcm', whole), mode);
    rmSync(heldFile());
    expect(await bring(write('second/1.dcm', cut), mode)).toMatchObject({ refused: 1 });
    expect((await hand(cut)).kind).toBe('refused');
    const other = dicomFile(sliceElements({ uid, fill: 9, description: 'Chest again' }));
    const report = await bring(write('third/1.dcm', other), mode);
    expect(report).toMatchObject({ imported: 1, refused: 0 });
    expect(replacements(report)).toEqual(['It replaced a damaged copy: it is gone.']);
    expect(heldBytes().equals(other)).toBe(true);
  });
});

describe('a damaged file', () => {
  it('makes way for a whole one in an archive', async () => {
    await bring(write('first/1.dcm', cut), 'reference');
    const report = await bring(write('second/disc.zip', zipSync({ 'a/1.dcm': whole })), 'reference');
    expect(report).toMatchObject({ imported: 1, refused: 0 });
    expect(replacements(report)).toHaveLength(1);
    expect(heldBytes().equals(whole)).toBe(true);
  });

  it('is looked at again where the index of an earlier version did not know it: compressed pixel data', async () => {
    const item = (length: number): Buffer => {
      const head = Buffer.from('feff00e000000000', 'hex');
      head.writeUInt32LE(length, 4);
      return Buffer.concat([head, Buffer.alloc(length, 7)]);
    };
    const pixels = Buffer.concat([item(0), item(2_000), Buffer.from('feffdde000000000', 'hex')]);
    const elements = sliceElements({ uid }).filter(({ tag }) => tag !== 0x7fe00010);
    const compressed = dicomFile(
      [...elements, { tag: 0x7fe00010, vr: 'OB', value: pixels, undefinedLength: true }],
      '1.2.840.10008.1.2.4.90',
    );
    await bring(write('first/1.dcm', compressed.subarray(0, -900)), 'copy');
    const db = openDatabase(home);
    db.prepare('UPDATE instances SET damaged = NULL').run();
    db.close();
    expect(library.isWhole(uid)).toBe(false);
    const report = await bring(write('second/1.dcm', compressed), 'copy');
    expect(replacements(report)).toEqual(['It replaced a damaged copy: the file ends inside its pixel data.']);
    expect(library.isWhole(uid)).toBe(true);
    expect(stored()).toHaveLength(1);
  });
});

it('a copy that the store lost comes back from the same file, and is told once', async () => {
  const original = write('first/1.dcm', whole);
  write('first/2.dcm', whole);
  await bring(original, 'copy');
  rmSync(heldFile());
  const report = await bring(original, 'copy');
  expect(report).toMatchObject({ imported: 1, duplicates: 1 });
  expect(replacements(report)).toHaveLength(1);
  expect(heldBytes().equals(whole)).toBe(true);
});

it('what a station left of a damaged copy that was replaced when it was killed goes at the next start', async () => {
  await bring(write('first/1.dcm', cut), 'copy');
  const damaged = heldFile();
  await bring(write('second/1.dcm', whole), 'copy');
  library.close();
  const db = openDatabase(home);
  db.prepare('INSERT INTO leavingFiles (path) VALUES (?)').run(path.relative(home, damaged));
  db.close();
  writeFileSync(damaged, cut);
  library = openLibrary({ folder: home });
  expect(existsSync(damaged)).toBe(false);
  expect(heldBytes().equals(whole)).toBe(true);
});

it('what is asked of a peer again is what is not whole here', async () => {
  await bring(write('first/1.dcm', cut), 'reference');
  expect(library.isWhole(uid)).toBe(false);
  await bring(write('second/1.dcm', whole), 'reference');
  expect(library.isWhole(uid)).toBe(true);
  truncateSync(heldFile(), 300);
  expect(library.isWhole(uid)).toBe(false);
  rmSync(heldFile());
  expect([library.isWhole(uid), library.isWhole('1.2.3')]).toEqual([false, false]);
});
