import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { LabelsFile } from '../../../../src/station/cohorts/labels-file.ts';
import { openLabelBook } from '../../../../src/station/library/intake/label-rows.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heldBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

function bookOf(key: LabelsFile['key'], rows: [key: string, label: string, patient?: string][]) {
  const book = openLabelBook();
  onTestFinished(() => book.close());
  const all = rows.map(([name, label, patient = null]) => ({ key: name, label, patient }));
  const file = { key, columns: [], count: rows.length, rows: () => all };
  const found = book.rows(file);
  const labelOf = (source: string, uid = source, patientID = ''): string | null =>
    found.labelOf({
      source,
      within: '',
      record: { sopInstanceUID: uid, sopClassUID: '', studyInstanceUID: '', seriesInstanceUID: '', patientID },
    });
  return { book, found, labelOf };
}

describe('rows of files', () => {
  it('are found by their names, and where these are the same by the longest agreement of the ends of their paths', () => {
    const { labelOf } = bookOf('file', [
      ['d/a/one.dcm', 'whole'],
      ['./b/a/one.dcm', 'longer'],
      ['c\\one.dcm', 'of Windows'],
      ['one.dcm2', 'another name'],
      ['two.dcm', 'by its name'],
      ['xb/a/three.dcm', 'of another folder'],
      ['zone.dcm', 'another name'],
    ]);
    expect(labelOf('/data/d/a/one.dcm')).toBe('whole');
    expect(labelOf('/data/b/a/one.dcm')).toBe('longer');
    expect(labelOf('/data/c/one.dcm')).toBe('of Windows');
    expect(labelOf('/elsewhere/two.dcm')).toBe('by its name');
    expect(labelOf('/data/b/a/three.dcm')).toBe('of another folder');
    expect(labelOf('/data/four.dcm')).toBeNull();
  });

  it('that agree equally long say something together only where they say the same', async () => {
    const { labelOf, found } = bookOf('file', [
      ['a/one.dcm', 'nodule', 'P1'],
      ['b/one.dcm', 'nodule', 'P2'],
      ['a/two.dcm', 'nodule'],
      ['b/two.dcm', 'none'],
    ]);
    expect(labelOf('/data/c/one.dcm')).toBe('nodule');
    expect(labelOf('/data/c/two.dcm')).toBeNull();
    for (const source of ['/data/a/one.dcm', '/data/c/one.dcm']) await found.patients?.meet(source);
    expect(found.patients?.patientOf('/data/a/one.dcm')).toBe('P1');
    expect(found.patients?.patientOf('/data/c/one.dcm')).toBeNull();
  });

  it('that fit several files label none of them, and rows that fit none are counted', () => {
    const { book, found, labelOf } = bookOf('file', [
      ['one.dcm', 'nodule'],
      ['two.dcm', 'none'],
      ['three.dcm', 'none'],
    ]);
    for (const uid of ['a/one.dcm', 'b/one.dcm', 'a/two.dcm']) book.give(uid, labelOf(`/data/${uid}`, uid)!);
    expect([...book.withdrawn()]).toEqual(['a/one.dcm', 'b/one.dcm']);
    expect(book.given()).toEqual({ images: 3, contradicted: 0, outbid: 0, withdrawn: 2 });
    expect(found.notes()).toEqual([
      '1 row of the labels file fits no imported file.',
      '1 row of the labels file fits several files, which are left without a label: write more of their paths.',
    ]);
    expect([...found.unfitting()]).toEqual([
      { row: 1, key: 'one.dcm', why: 'several files' },
      { row: 3, key: 'three.dcm', why: 'no image' },
    ]);
  });
});

it('a row belongs to the file that it agrees longest with, and to none of the others of that name', () => {
  const { book, found, labelOf } = bookOf('file', [
    ['Hand/one.jpeg', 'Hand'],
    ['CXR/one.jpeg', 'CXR'],
    ['Hand/two.jpeg', 'Hand'],
  ]);
  for (const uid of ['AbdomenCT/two.jpeg', 'Hand/two.jpeg', 'Hand/one.jpeg', 'CXR/one.jpeg', 'HeadCT/one.jpeg']) {
    const label = labelOf(`/data/${uid}`, uid);
    if (label !== null) book.give(uid, label);
  }
  expect([...book.withdrawn()]).toEqual(['AbdomenCT/two.jpeg']);
  expect(book.given()).toEqual({ images: 4, contradicted: 0, outbid: 1, withdrawn: 1 });
  expect(found.notes()).toEqual([]);
});

it('memory does not grow with the rows that very many files agree with alike', async () => {
  const many = 1_500;
  const { found } = bookOf(
    'file',
    Array.from({ length: many }, (_, at) => [`listed/${at}/image.png`, 'nodule', `patient ${at}`]),
  );
  const before = heldBytes();
  for (let at = 0; at < many; at += 1) await found.patients?.meet(`/data/other/unlisted ${at}/image.png`);
  expect(heldBytes() - before).toBeLessThan(30_000_000);
  expect(found.patients?.patientOf('/data/listed/7/image.png')).toBeNull();
  await found.patients?.meet('/data/listed/7/image.png');
  expect(found.patients?.patientOf('/data/listed/7/image.png')).toBe('patient 7');
});

it('a file whose name no row has gets none of them, whichever file came before', () => {
  const rows: [string, string][] = ['a/1.png', 'b/1.png', 'c/2.png'].map((key) => [key, 'nodule']);
  const { found, labelOf } = bookOf('file', rows);
  expect(labelOf('/data/d/1.png', '1')).toBe('nodule');
  expect(labelOf('/data/a/9.png', '2')).toBeNull();
  expect(found.notes()).toEqual([expect.stringMatching(/^1 row /)]);
});

describe('files without a row that agree with very many rows by a common name', () => {
  const rows = (count: number): [string, string][] =>
    Array.from({ length: count }, (_, at) => [`listed/${at}/image.png`, 'nodule']);

  function given(listed: number, unlisted: number, of: number) {
    const { book, found, labelOf } = bookOf('file', rows(of));
    const files = [
      ...Array.from({ length: unlisted }, (_, at) => `other/unlisted ${at}/image.png`),
      ...Array.from({ length: listed }, (_, at) => `listed/${at}/image.png`),
    ];
    for (const file of [...files, ...files]) book.give(file, labelOf(`/data/${file}`, file)!);
    return { withdrawn: [...book.withdrawn()].toSorted(), given: book.given(), notes: found.notes() };
  }

  it('are left without a label, as few or many as they are, and leave the others theirs', () => {
    for (const unlisted of [1, 2, 3, 7])
      expect(given(40, unlisted, 40)).toEqual({
        withdrawn: Array.from({ length: unlisted }, (_, at) => `other/unlisted ${at}/image.png`),
        given: { images: 40 + unlisted, contradicted: 0, outbid: unlisted, withdrawn: unlisted },
        notes: [],
      });
  });

  it('share the rows that no other file has', () => {
    const { withdrawn, given: counts, notes } = given(0, 5, 12);
    expect(withdrawn).toHaveLength(5);
    expect(counts).toEqual({ images: 5, contradicted: 0, outbid: 0, withdrawn: 5 });
    expect(notes).toEqual([
      '12 rows of the labels file fit several files, which are left without a label: write more of their paths.',
    ]);
  });

  it('do not write each of the rows for each of the files', () => {
    const statement: object = Object.getPrototypeOf(new Database(':memory:').prepare('SELECT 1'));
    const run = vi.spyOn(statement as Database.Statement, 'run');
    onTestFinished(() => run.mockRestore());
    given(0, 300, 300);
    // Each row once, for the first two files once more, and some for each file.
    expect(run.mock.calls.length).toBeLessThan(6_000);
  });
});

it('rows of patients label all of their images', () => {
  const { book, labelOf, found } = bookOf('patientID', [['P1', 'nodule']]);
  for (const uid of ['1', '2']) expect(labelOf('x', uid, 'P1')).toBe('nodule');
  expect(labelOf('x', '3', 'P2')).toBeNull();
  expect(found.notes()).toEqual([]);
  expect([...book.withdrawn()]).toEqual([]);
});

it('an image that gets two labels has none', () => {
  const { book } = bookOf('file', []);
  expect([book.give('1', 'a'), book.give('1', 'b'), book.give('1', 'a'), book.give('2', 'a')]).toEqual([
    true,
    false,
    false,
    true,
  ]);
  expect([...book.withdrawn()]).toEqual(['1']);
  expect(book.given()).toEqual({ images: 2, contradicted: 1, outbid: 0, withdrawn: 1 });
});
