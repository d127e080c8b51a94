// Zip archives through the real library: what is in them, and what they may try.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { strToU8, type Zippable, zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ImportReport } from '../../../../src/contract/dicom.ts';
import { zipMembers } from '../../../../src/station/library/intake/zip-members.ts';
import { type Library, openLibrary } from '../../../../src/station/library/library.ts';
import { dicomFile, sliceElements } from '../../../fixtures/dicom-bytes.ts';

let folder: string;
let home: string;
let library: Library;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-archives-'));
  home = path.join(folder, 'home');
  library = openLibrary({ folder: home });
});
afterEach(() => {
  library.close();
  rmSync(folder, { recursive: true, force: true });
});

const slice = (number: number, fill = 1): Uint8Array =>
  dicomFile(sliceElements({ uid: `1.2.3.1.${number}`, fill }), '1.2.840.10008.1.2.1');

function writeZip(name: string, members: Zippable): string {
  const file = path.join(folder, 'files', name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, zipSync(members));
  return file;
}

function importFrom(paths: string[], mode: 'reference' | 'copy' = 'reference'): Promise<ImportReport> {
  return library.importPaths(paths, { mode, signal: new AbortController().signal, onProgress: () => {} });
}

const counts = ({ files, imported, duplicates, refused }: ImportReport): number[] => [
  files,
  imported,
  duplicates,
  refused,
];
const copies = (): number =>
  existsSync(path.join(home, 'instances'))
    ? readdirSync(path.join(home, 'instances'), { recursive: true, withFileTypes: true }).filter((one) => one.isFile())
        .length
    : 0;

async function reasonsOf(file: string, limits?: Parameters<typeof zipMembers>[1]): Promise<string[]> {
  const reasons: string[] = [];
  for await (const found of zipMembers(file, limits)) reasons.push('reason' in found ? found.reason : 'taken');
  return reasons;
}

describe('a zip archive', () => {
  it('is expanded into the store, and its members are told by archive and name', async () => {
    const file = writeZip('disc.zip', {
      'a/1.dcm': slice(1),
      'a/2.dcm': [slice(2), { level: 0 }],
      'letter.txt': strToU8('Dear colleague'),
      '__MACOSX/a/._1.dcm': strToU8('x'),
    });
    const before = readFileSync(file);
    const report = await importFrom([file]);
    expect(counts(report)).toEqual([3, 2, 0, 1]);
    expect(report.refusals[0]).toEqual({ path: `${file}/letter.txt`, reason: 'Not a DICOM file.' });
    const sources = [...library.selectInstances({ query: '', studyInstanceUIDs: null })].map((one) => one.path);
    expect(sources).toEqual([`${file}/a/1.dcm`, `${file}/a/2.dcm`]);
    expect(readFileSync(library.instanceFile('1.2.3.1.1')!.path)).toEqual(Buffer.from(slice(1)));
    expect(readFileSync(file)).toEqual(before);
    expect(counts(await importFrom([file]))).toEqual([3, 0, 2, 1]);
    expect(copies()).toBe(2);
  });

  it('with two instances of one UID tells the first by archive and name, not by its copy', async () => {
    const zip = writeZip('two.zip', { 'a/first.dcm': slice(1), 'b/second.dcm': slice(1, 9) });
    expect((await importFrom([zip])).refusals).toEqual([
      {
        path: `${zip}/b/second.dcm`,
        reason: `Same SOP Instance UID with different content: ${zip}/a/first.dcm is already here and stays.`,
      },
    ]);
  });

  it('is found inside an imported folder; what lies open there counts first and is not copied', async () => {
    const file = writeZip('deep/disc.zip', { '1.dcm': slice(1), '2.dcm': slice(2, 7) });
    writeFileSync(path.join(folder, 'files', '1.dcm'), slice(1));
    writeFileSync(path.join(folder, 'files', '2.dcm'), slice(2));
    const report = await importFrom([path.join(folder, 'files')]);
    expect(counts(report)).toEqual([4, 2, 1, 1]);
    expect(report.refusals[0]).toEqual({ path: `${file}/2.dcm`, reason: expect.stringContaining('different content') });
    expect(copies()).toBe(0);
  });

  it('may lie in another one, but not deeper', async () => {
    const third = zipSync({ '3.dcm': slice(3) });
    const second = zipSync({ '2.dcm': slice(2), 'third.zip': third });
    const file = writeZip('first.zip', { '1.dcm': slice(1), 'sub/second.zip': second });
    const report = await importFrom([file]);
    expect(counts(report)).toEqual([3, 2, 0, 1]);
    expect(report.refusals[0]).toEqual({
      path: `${file}/sub/second.zip/third.zip`,
      reason: expect.stringContaining('expand it first'),
    });
    expect(existsSync(path.join(home, 'unfinished')) && readdirSync(path.join(home, 'unfinished'))).toEqual([]);
  });

  it('without files, cut short, or no archive at all is refused with a reason', async () => {
    const empty = writeZip('empty.zip', {});
    const whole = zipSync({ '1.dcm': slice(1) });
    const cut = path.join(folder, 'files', 'cut.zip');
    writeFileSync(cut, whole.subarray(0, -30));
    const text = path.join(folder, 'files', 'text.zip');
    writeFileSync(text, 'no archive');
    const report = await importFrom([empty, cut, text]);
    expect(report.imported).toBe(0);
    expect(Object.fromEntries(report.refusals.map((one) => [path.basename(one.path), one.reason]))).toEqual({
      'cut.zip': expect.stringContaining('damaged'),
      'empty.zip': 'The archive holds no files.',
      'text.zip': 'Not a zip archive, although its name says so.',
    });
  });

  it('with damaged or encrypted members gives the others', async () => {
    const file = writeZip('mixed.zip', {
      'good.dcm': slice(1),
      'bad.dcm': [slice(2), { level: 0 }],
      'secret.dcm': slice(3),
    });
    const bytes = readFileSync(file);
    // A bit of the stored member, and the encryption flag of the last one's directory entry (APPNOTE 4.4.4).
    bytes[bytes.indexOf('bad.dcm') + 400]! ^= 1;
    bytes[bytes.lastIndexOf('secret.dcm') - 46 + 8]! |= 1;
    writeFileSync(file, bytes);
    const report = await importFrom([file]);
    expect(counts(report)).toEqual([3, 1, 0, 2]);
    expect(Object.fromEntries(report.refusals.map((one) => [path.basename(one.path), one.reason]))).toEqual({
      'bad.dcm': expect.stringContaining('checksum'),
      'secret.dcm': expect.stringContaining('Encrypted'),
    });
  });

  it('whose names lead out of a folder writes nothing outside of the store', async () => {
    const file = writeZip('escape.zip', { '../../escaped.dcm': slice(1), '/etc/escaped.dcm': slice(2) });
    const report = await importFrom([file]);
    expect(report.imported).toBe(2);
    const sources = [...library.selectInstances({ query: '', studyInstanceUIDs: null })].map((one) => one.path);
    expect(sources).toEqual([`${file}/escaped.dcm`, `${file}/etc/escaped.dcm`]);
    expect(readdirSync(folder).sort()).toEqual(['files', 'home']);
  });

  it('that grows out of all proportion is stopped', async () => {
    const small = { ratioFromBytes: 1_000_000, ratio: 250, members: 3, memberBytes: 5_000_000, totalBytes: 2 ** 40 };
    const bomb = writeZip('bomb.zip', { '1.dcm': new Uint8Array(4_000_000) });
    expect(await reasonsOf(bomb, small)).toEqual([expect.stringContaining('out of all proportion')]);
    const many = writeZip('many.zip', Object.fromEntries([1, 2, 3, 4].map((n) => [`${n}`, strToU8(`${n}`)])));
    expect(await reasonsOf(many, small)).toEqual(['taken', 'taken', 'taken', expect.stringContaining('more than 3')]);
    const large = writeZip('large.zip', { '1.dcm': new Uint8Array(6_000_000) });
    expect(await reasonsOf(large, { ...small, ratio: 1e6 })).toEqual([expect.stringContaining('Too large')]);
  });

  it('that lies about a member’s size is refused there', async () => {
    const file = writeZip('lie.zip', { '1.dcm': new Uint8Array(1_000_000) });
    const bytes = readFileSync(file);
    // The uncompressed size in the directory entry (APPNOTE 4.4.9).
    bytes.writeUInt32LE(10, bytes.lastIndexOf('1.dcm') - 46 + 24);
    writeFileSync(file, bytes);
    const report = await importFrom([file]);
    expect(report.refusals).toEqual([{ path: `${file}/1.dcm`, reason: expect.stringContaining('Damaged') }]);
  });
});
