// PNG, JPEG and NIfTI through the real library: pixels, geometry, identity, labels, and what cannot be taken.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { encode } from 'fast-png';
import { zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Frame, ImportLabels, ImportReport } from '../../../../src/contract/dicom.ts';
import { exifOrientation } from '../../../../src/station/library/intake/exif-orientation.ts';
import { displayFrame } from '../../../../src/station/library/pixels/display.ts';
import { dicomFile, sliceElements } from '../../../fixtures/dicom-bytes.ts';
import { niftiFile, type NiftiSpec } from '../../../fixtures/nifti-bytes.ts';
import { FilesAndLibrary } from './files-and-library.ts';

let place: FilesAndLibrary;
beforeEach(() => {
  place = new FilesAndLibrary();
});
afterEach(() => place.close());

const write = (name: string, bytes: Uint8Array | string): string => place.write(name, bytes);

const importFiles = (labels: ImportLabels | null = null, paths = [place.files]): Promise<ImportReport> =>
  place.library.importPaths(paths, {
    mode: 'reference',
    labels,
    signal: new AbortController().signal,
    onProgress: () => {},
  });

const selected = () => [...place.library.selectInstances({ query: '', studyInstanceUIDs: null })];
const uidOf = (name: string): string => selected().find((one) => one.path.endsWith(name))?.sopInstanceUID ?? '';
const frameOf = (name: string, frame = 1): Promise<Frame> => place.library.frame(uidOf(name), frame);
const reasons = (report: ImportReport): Record<string, string> =>
  Object.fromEntries(report.refusals.map((one) => [path.basename(one.path), one.reason]));

const grey = (values: number[], width = values.length): Uint8Array =>
  encode({ width, height: values.length / width, data: Uint8Array.from(values), channels: 1, depth: 8 });

/** A PNG chunk by chunk, for what the encoder does not write. */
function rawPng(header: number[], chunks: [string, Uint8Array][]): Buffer {
  const chunk = (kind: string, data: Uint8Array): Buffer => {
    const body = Buffer.concat([Buffer.from(kind, 'latin1'), data]);
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length, 0);
    body.copy(out, 4);
    let crc = ~0;
    for (const byte of body) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    }
    out.writeUInt32BE(~crc >>> 0, body.length + 4);
    return out;
  };
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const all = [['IHDR', Uint8Array.from(header)] as const, ...chunks, ['IEND', new Uint8Array()] as const];
  return Buffer.concat([signature, ...all.map(([kind, data]) => chunk(kind, data))]);
}

it('text is suspected in pictures that have room for words, not in small ones or volumes', async () => {
  const plain = (columns: number, rows: number): Uint8Array =>
    grey(
      Array.from({ length: columns * rows }, () => 7),
      columns,
    );
  write('small.png', plain(64, 64));
  write('thin.png', plain(600, 12));
  write('volume.nii', niftiFile({ size: [300, 300, 1] }));
  expect((await importFiles()).findings).toEqual([]);
  // A strip, the frame of an ultrasound video, a column of words that stand on end.
  write('strip.png', plain(600, 20));
  write('grabbed.png', plain(320, 240));
  write('upright.png', plain(16, 96));
  expect((await importFiles()).findings).toEqual([{ kind: 'burned-in-text', findings: 1, count: 3 }]);
});

it('values that a volume could not keep are told', async () => {
  const double = (view: DataView, at: number, value: number, little: boolean): void =>
    view.setFloat64(at, value, little);
  const spec = { size: [2, 1, 1], datatype: 64, voxelBytes: 8, write: double } as const;
  write('whole.nii', niftiFile({ ...spec, values: [1, 2] }));
  write('nan.nii', niftiFile({ ...spec, values: [1, Number.NaN] }));
  write('wide.nii', niftiFile({ ...spec, values: [0, 655_350] }));
  expect((await importFiles()).findings).toEqual([{ kind: 'rounded-values', findings: 2, count: 2 }]);
});

it('the orientation mark of a JPEG picture is read in both byte orders', () => {
  const jpeg = (order: 'II' | 'MM', orientation: number): Buffer => {
    const body = Buffer.alloc(32);
    body.write(`Exif\0\0${order}`, 'latin1');
    const put = (value: number, at: number): unknown =>
      order === 'II' ? body.writeUInt16LE(value, at) : body.writeUInt16BE(value, at);
    put(42, 8);
    put(8, order === 'II' ? 10 : 12);
    put(1, 14);
    put(0x0112, 16);
    put(3, 18);
    put(1, order === 'II' ? 20 : 22);
    put(orientation, 24);
    return Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe1, 0, 34]), body]);
  };
  expect(exifOrientation(jpeg('II', 6))).toBe(6);
  expect(exifOrientation(jpeg('MM', 3))).toBe(3);
  expect(exifOrientation(jpeg('MM', 9))).toBe(1);
  expect(exifOrientation(jpeg('MM', 6).subarray(0, 24))).toBe(1);
});

describe('a PNG picture', () => {
  it('keeps its values: grey of 1, 8 and 16 bits, RGB, palette', async () => {
    write('grey8.png', grey([0, 1, 200, 255, 7, 9], 3));
    write('grey16.png', encode({ width: 2, height: 1, data: Uint16Array.of(258, 65_535), channels: 1, depth: 16 }));
    write('rgb.png', encode({ width: 1, height: 2, data: Uint8Array.of(1, 2, 3, 4, 5, 6), channels: 3, depth: 8 }));
    write('bits.png', rawPng([0, 0, 0, 3, 0, 0, 0, 1, 1, 0, 0, 0, 0], [['IDAT', deflateSync(Uint8Array.of(0, 0xa0))]]));
    write(
      'palette.png',
      rawPng(
        [0, 0, 0, 2, 0, 0, 0, 1, 8, 3, 0, 0, 0],
        [
          ['PLTE', Uint8Array.of(9, 8, 7, 100, 50, 25)],
          ['IDAT', deflateSync(Uint8Array.of(0, 1, 0))],
        ],
      ),
    );
    expect(await importFiles()).toMatchObject({ files: 5, imported: 5, refused: 0, labelled: 0 });
    const eight = await frameOf('grey8.png');
    expect(eight).toMatchObject({ rows: 2, columns: 3, samples: 1, bits: 8, photometric: 'MONOCHROME2' });
    expect([...eight.pixels]).toEqual([0, 1, 200, 255, 7, 9]);
    const sixteen = await frameOf('grey16.png');
    expect(sixteen).toMatchObject({ bits: 16, signed: false });
    expect([...sixteen.pixels]).toEqual([2, 1, 255, 255]);
    expect([...(await frameOf('rgb.png')).pixels]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...(await frameOf('bits.png')).pixels]).toEqual([255, 0, 255]);
    const palette = await frameOf('palette.png');
    expect(palette).toMatchObject({ samples: 3, photometric: 'RGB' });
    expect([...palette.pixels]).toEqual([100, 50, 25, 9, 8, 7]);
  });

  it('with transparency is laid over black', async () => {
    const data = Uint8Array.of(200, 255, 200, 0, 200, 51);
    write('alpha.png', encode({ width: 3, height: 1, data, channels: 2, depth: 8 }));
    await importFiles();
    expect([...(await frameOf('alpha.png')).pixels]).toEqual([200, 0, 40]);
  });

  it('is one patient, told apart by its content: the same in two folders is one instance', async () => {
    write('a/1.png', grey([1, 2, 3]));
    write('b/copy.png', grey([1, 2, 3]));
    write('b/1.png', grey([3, 2, 1]));
    const before = readFileSync(path.join(place.files, 'a/1.png'));
    expect(await importFiles()).toMatchObject({ files: 3, imported: 2, duplicates: 1, studies: 2 });
    expect(await importFiles()).toMatchObject({ files: 3, imported: 0, duplicates: 3 });
    expect(new Set(selected().map(({ patientID }) => patientID)).size).toBe(2);
    expect(readFileSync(path.join(place.files, 'a/1.png'))).toEqual(before);
    const copies = readdirSync(path.join(place.home, 'instances'), { recursive: true, withFileTypes: true });
    expect(copies.filter((one) => one.isFile())).toHaveLength(2);
  });

  it('that is cut, empty, a lie or a bomb is refused with a reason, and the others are imported', async () => {
    write('good.png', grey([1, 2, 3]));
    write('cut.png', grey(Array.from({ length: 4_000 }, (_, index) => (index * 7919) % 251)).subarray(0, 200));
    write('text.png', 'not a picture');
    write('empty.png', '');
    write(
      'bomb.png',
      rawPng([0, 0, 0, 2, 0, 0, 0, 2, 8, 0, 0, 0, 0], [['IDAT', deflateSync(Buffer.alloc(50_000_000))]]),
    );
    write('large.png', rawPng([0, 0, 255, 0, 0, 0, 255, 0, 16, 6, 0, 0, 0], [['IDAT', deflateSync(Buffer.alloc(10))]]));
    const report = await importFiles();
    expect(report).toMatchObject({ files: 6, imported: 1, refused: 5 });
    expect(reasons(report)).toEqual({
      'cut.png': expect.stringContaining('damaged'),
      'text.png': 'Not a PNG picture, although its name says so.',
      'empty.png': 'The file is empty.',
      'bomb.png': expect.stringContaining('do not fit its size'),
      'large.png': expect.stringContaining('too large'),
    });
  });

  it('is taken out of a zip archive too, with the label of its folder there', async () => {
    const zip = write(
      'set.zip',
      zipSync({ 'cats/1.png': grey([1, 2]), 'dogs/1.png': grey([2, 1]), 'top.png': grey([5]) }),
    );
    const report = await importFiles('folders', [zip]);
    expect(report).toMatchObject({ imported: 3, labelled: 2 });
    const labels = place.library.labels.all('import').map(({ label }) => label);
    expect(labels.sort((a, b) => (a < b ? -1 : 1))).toEqual(['cats', 'dogs']);
  });
});

describe('labels of an import', () => {
  it('are the names of the folders that hold the files, of pictures and DICOM alike', async () => {
    write('cats/1.png', grey([1]));
    write('deep/dogs/1.png', grey([2]));
    write('dogs/1.dcm', dicomFile(sliceElements({ uid: '1.2.3.1.1' })));
    write('none.png', grey([3]));
    const report = await importFiles('folders');
    expect(report).toMatchObject({ imported: 4, labelled: 3 });
    expect(report.notes).toEqual([expect.stringContaining('1 file has no label')]);
    expect(place.library.labels.labelOf('import', 'instance', '1.2.3.1.1')).toBe('dogs');
    expect(place.library.labels.labelOf('import', 'instance', uidOf('cats/1.png'))).toBe('cats');
  });

  it('that contradict each other for one image are left out and told', async () => {
    write('cats/1.png', grey([1]));
    write('dogs/2.png', grey([1]));
    write('dogs/3.png', grey([4]));
    const report = await importFiles('folders');
    expect(report).toMatchObject({ imported: 2, duplicates: 1, labelled: 1 });
    expect(report.notes).toEqual([expect.stringContaining('different labels')]);
    expect(place.library.labels.all('import').map(({ label }) => label)).toEqual(['dogs']);
  });

  it('come from a CSV with the patient, whatever the case of its header; what does not fit is told', async () => {
    for (const [index, name] of ['a/1.png', 'a/2.png', 'b/1.png', 'b/4.png'].entries()) write(name, grey([index]));
    const csv = write(
      'labels.csv',
      'FILE;Label;Patient\na/1.png;cat;P1\nelsewhere/2.png;dog;P1\nb/1.png;dog;P2\nno.png;dog;P3\n',
    );
    const report = await importFiles({ file: csv, column: null });
    expect(report).toMatchObject({ files: 4, imported: 4, labelled: 3, refused: 0 });
    expect(report.notes).toEqual([expect.stringContaining('1 row'), expect.stringContaining('1 file has no label')]);
    const { findings } = place.library.imports.findings({ id: report.id, kind: null, limit: 10, offset: 0 });
    expect(findings.map(({ kind, subject, what }) => [kind, path.basename(subject), what])).toEqual([
      ['unfitting-rows', 'no.png', 'Row 4: no image of this import fits it.'],
      ['unlabelled', '4.png', 'No row fits it.'],
    ]);
    const byFile = Object.fromEntries(selected().map((one) => [path.relative(place.files, one.path), one.patientID]));
    expect(byFile).toMatchObject({ 'a/1.png': 'P1', 'a/2.png': 'P1', 'b/1.png': 'P2' });
    expect(byFile['b/4.png']).toMatch(/^file-/);
    expect(place.library.labels.labelOf('import', 'instance', uidOf('a/2.png'))).toBe('dog');
  });

  it('give an image that was imported before its patient afterwards', async () => {
    write('1.png', grey([1]));
    await importFiles();
    const csv = write('labels.csv', 'file,label,patient\n1.png,cat,P9\n');
    expect(await importFiles({ file: csv, column: null })).toMatchObject({ imported: 1, labelled: 1 });
    expect(selected().map(({ patientID }) => patientID)).toEqual(['P9']);
    expect(await importFiles({ file: csv, column: null })).toMatchObject({ imported: 0, duplicates: 1, labelled: 1 });
  });

  it('are not given where a bare name fits several files', async () => {
    write('a/1.png', grey([1]));
    write('b/1.png', grey([2]));
    const csv = write('labels.csv', 'file,label\n1.png,cat\n');
    const report = await importFiles({ file: csv, column: null });
    expect(report).toMatchObject({ imported: 2, labelled: 0 });
    expect(report.notes).toEqual([expect.stringContaining('several files')]);
  });

  it('cannot come from a CSV without the columns, and then nothing is imported', async () => {
    write('1.png', grey([1]));
    const csv = write('labels.csv', 'picture,label\n1.png,cat\n');
    await expect(importFiles({ file: csv, column: null })).rejects.toMatchObject({ code: 203 });
    const other = write('other.csv', 'file,diagnosis\n1.png,cat\n');
    await expect(importFiles({ file: other, column: null })).rejects.toMatchObject({ code: 204 });
    expect(selected()).toEqual([]);
    expect(await importFiles({ file: other, column: 'Diagnosis' })).toMatchObject({ labelled: 1 });
  });
});

const modality = ({ pixels, bits, rescaleSlope, rescaleIntercept }: Frame): number[] => {
  const copy = new Uint8Array(pixels);
  const stored = bits === 8 ? copy : new Uint16Array(copy.buffer);
  return Array.from(stored, (value) => value * rescaleSlope + rescaleIntercept);
};

describe('a NIfTI volume', () => {
  const tilted = [
    [0, -1.5, 0, 10],
    [0, 0, 2.5, -20],
    [-0.8, 0, 0, 30],
  ];

  it('has each slice in its place: RAS becomes LPS', async () => {
    write('volume.nii.gz', gzipSync(niftiFile({ size: [2, 3, 4], sform: tilted })));
    expect(await importFiles()).toMatchObject({ imported: 1 });
    expect(selected()[0]).toMatchObject({ frames: 4, rows: 2, columns: 3 });
    const { geometry } = await frameOf('volume.nii.gz', 3);
    expect(geometry.position).toEqual([-10, 15, 30]);
    expect(geometry.orientation?.map((one) => Math.round(one * 1e6) / 1e6)).toEqual([1, 0, 0, 0, 0, -1]);
    expect(geometry.pixelSpacingMm).toEqual([0.8, 1.5].map((one) => expect.closeTo(one, 6)));
    expect(geometry.sliceThicknessMm).toBeCloseTo(2.5, 6);
    expect(modality(await frameOf('volume.nii.gz', 3))).toEqual([12, 14, 16, 13, 15, 17]);
  });

  it('is turned the way in which readers look at it, and every corner keeps its value and its place', async () => {
    // To the right, to the front and up, as most files run: stored like that, an axial slice has its back on top.
    const upwards = [
      [2, 0, 0, -10],
      [0, 3, 0, -20],
      [0, 0, 4, 5],
    ];
    // The same voxels with i up, j to the right and k to the back: a coronal volume on its side.
    const coronal = [
      [0, 2, 0, 1],
      [0, 0, -3, 2],
      [4, 0, 0, 3],
    ];
    // i to the back, j up, k to the left: sagittal, upside down.
    const sagittal = [
      [0, 0, -2, 1],
      [-3, 0, 0, 2],
      [0, 4, 0, 3],
    ];
    for (const [name, sform] of Object.entries({ upwards, coronal, sagittal }))
      write(`${name}.nii`, niftiFile({ size: [2, 3, 2], sform }));
    await importFiles();
    const [axial, frontal, side] = await Promise.all([
      frameOf('upwards.nii'),
      frameOf('coronal.nii'),
      frameOf('sagittal.nii'),
    ]);
    expect(axial.geometry).toMatchObject({ orientation: [1, 0, 0, 0, 1, 0], position: [8, 14, 5] });
    expect(modality(axial)).toEqual([5, 4, 3, 2, 1, 0]);
    expect(frontal.geometry).toMatchObject({ orientation: [1, 0, 0, 0, 0, -1], position: [-5, -2, 7] });
    expect(modality(frontal)).toEqual([5, 3, 1, 4, 2, 0]);
    expect(side.geometry).toMatchObject({ orientation: [0, 1, 0, 0, 0, -1], position: [-1, -2, 11] });
    expect(modality(side)).toEqual([4, 5, 2, 3, 0, 1]);
  });

  it('agrees with a second reader, corner by corner and value by value', async () => {
    const specs: Record<string, NiftiSpec> = {
      sform: { size: [3, 4, 5], sform: tilted, slope: 2, intercept: -7 },
      big: { size: [3, 4, 5], sform: tilted, bigEndian: true, write: (view, at, value) => view.setInt16(at, -value) },
      two: { size: [3, 4, 5], sform: tilted, version: 2 },
      quaternion: { size: [3, 4, 5], qform: [0.1, -0.2, 0.3, 5, 6, 7], qfac: -1, spacing: [0.5, 0.75, 3] },
      halfTurn: { size: [3, 4, 5], qform: [0.6, 0.8, 0, -5, 6, 7], spacing: [1, 2, 3] },
      float: {
        size: [3, 4, 5],
        sform: tilted,
        datatype: 16,
        voxelBytes: 4,
        write: (view, at, value, little) => view.setFloat32(at, Math.sin(value), little),
      },
    };
    for (const [name, spec] of Object.entries(specs)) write(`${name}.nii`, niftiFile(spec));
    expect(await importFiles()).toMatchObject({ imported: 6, refused: 0 });
    const pairs = selected().flatMap((one) => [place.library.instanceFile(one.sopInstanceUID)!.path, one.path]);
    const script = new URL('nifti-against-pydicom.py', import.meta.url).pathname;
    const said = JSON.parse(execFileSync('/usr/bin/python3', [script, ...pairs], { encoding: 'utf8' }));
    expect(said.compared).toBe(6);
    expect(said.mostMm).toBeLessThan(1e-5);
    expect(said.mostSteps).toBeLessThan(0.51);
  });

  it('of every type of number gives its values, or a reason', async () => {
    const types: [number, number, NonNullable<NiftiSpec['write']>][] = [
      [2, 1, (view, at, value) => view.setUint8(at, value)],
      [256, 1, (view, at, value) => view.setInt8(at, -value)],
      [512, 2, (view, at, value, little) => view.setUint16(at, value + 60_000, little)],
      [8, 4, (view, at, value, little) => view.setInt32(at, value - 100_000, little)],
      [768, 4, (view, at, value, little) => view.setUint32(at, value + 3e9, little)],
      [1024, 8, (view, at, value, little) => view.setBigInt64(at, BigInt(value) - 9n, little)],
      [64, 8, (view, at, value, little) => view.setFloat64(at, value === 3 ? Number.NaN : value, little)],
      [128, 3, (view, at, value) => [0, 1, 2].forEach((sample) => view.setUint8(at + sample, value + sample))],
    ];
    const first: Record<number, number[]> = {
      2: [0, 1],
      256: [0, -1],
      512: [60_000, 60_001],
      8: [-100_000, -99_999],
      768: [3e9, 3e9 + 1],
      1024: [-9, -8],
      64: [0, 1],
    };
    for (const [datatype, voxelBytes, one] of types)
      write(`type-${datatype}.nii`, niftiFile({ size: [2, 2, 1], datatype, voxelBytes, write: one }));
    for (const datatype of [1, 32, 1536, 1792, 9_999])
      write(`type-${datatype}.nii`, niftiFile({ size: [2, 2, 1], datatype, voxelBytes: 16, write: () => {} }));
    const report = await importFiles();
    expect(report).toMatchObject({ imported: 8, refused: 5 });
    for (const [datatype, values] of Object.entries(first))
      expect(modality(await frameOf(`type-${datatype}.nii`)).slice(0, 2)).toEqual(values);
    expect([...(await frameOf('type-128.nii')).pixels].slice(0, 6)).toEqual([0, 1, 2, 1, 2, 3]);
    for (const reason of Object.values(reasons(report))) expect(reason).toContain('cannot be imported');
  });

  it('of numbers from 0 to 1 is shown in shades between black and white', async () => {
    const float: NiftiSpec['write'] = (view, at, value, little) => view.setFloat32(at, value / 4, little);
    write('probability.nii', niftiFile({ size: [5, 1, 1], datatype: 16, voxelBytes: 4, write: float }));
    await importFiles();
    const frame = await frameOf('probability.nii');
    expect(frame).toMatchObject({ windowCenter: 0.5, windowWidth: 1, voiFunction: 'LINEAR_EXACT' });
    expect([...displayFrame(frame).pixels]).toEqual([0, 64, 128, 191, 255]);
  });

  it('of several points in time has a frame for each slice of each', async () => {
    write('fmri.nii', niftiFile({ size: [2, 2, 3, 4], sform: tilted }));
    await importFiles();
    expect(selected()[0]?.frames).toBe(12);
    const [second, same] = [await frameOf('fmri.nii', 2), await frameOf('fmri.nii', 5)];
    expect(same.geometry.position).toEqual(second.geometry.position);
    expect(modality(same)).not.toEqual(modality(second));
  });

  it('of no points in time is one volume, but one without slices is damaged', async () => {
    write('volume.nii', niftiFile({ size: [2, 2, 3, 0], values: Array.from({ length: 12 }, (_, index) => index) }));
    write('flat.nii', niftiFile({ size: [2, 2, 0], values: [] }));
    const report = await importFiles();
    expect(report).toMatchObject({ files: 2, imported: 1, refused: 1 });
    expect(reasons(report)).toEqual({ 'flat.nii': expect.stringContaining('a dimension is empty') });
  });

  it('shares its frame of reference with other files on its grid alone', async () => {
    write('ct.nii', niftiFile({ size: [2, 3, 4], sform: tilted }));
    write('labels.nii', niftiFile({ size: [2, 3, 4], sform: tilted, slope: 3 }));
    write('elsewhere.nii', niftiFile({ size: [2, 3, 5], sform: tilted }));
    await importFiles();
    const uids = await Promise.all(
      ['ct.nii', 'labels.nii', 'elsewhere.nii'].map(async (name) => (await frameOf(name)).geometry.frameOfReferenceUID),
    );
    expect(uids[0]).toMatch(/^2\.25\./);
    expect(uids[1]).toBe(uids[0]);
    expect(uids[2]).not.toBe(uids[0]);
  });

  it('that does not say where it lies, or at no right angles, gets no place', async () => {
    write('nowhere.nii', niftiFile({ size: [2, 2, 2], spacing: [2, 3, 4] }));
    const skew = [
      [1, 0.5, 0, 0],
      [0, 1, 0, 0],
      [0, 0, 1, 0],
    ];
    write('skew.nii', niftiFile({ size: [2, 2, 2], sform: skew, slope: 3 }));
    await importFiles();
    const nowhere = (await frameOf('nowhere.nii')).geometry;
    expect(nowhere).toMatchObject({ position: null, orientation: null, pixelSpacingMm: [3, 2] });
    expect((await frameOf('skew.nii')).geometry).toMatchObject({ position: null, orientation: null });
    const header = await place.library.header(uidOf('skew.nii'));
    expect(header.find(({ keyword }) => keyword === 'ImageComments')?.value).toContain('right angles');
  });

  it('of a connectome or a surface is refused as what it is', async () => {
    write('one.dconn.nii', niftiFile({ version: 2, size: [1, 1, 1, 1, 3, 3], intent: 3001 }));
    write('vectors.nii', niftiFile({ size: [3, 3, 1], intent: 1007 }));
    const report = await importFiles();
    expect(report).toMatchObject({ files: 2, imported: 1, refused: 1 });
    expect(report.refusals[0]!.reason).toBe('A CIFTI file: values on a surface or between regions, and no image.');
  });

  it('that is empty, cut, half a pair or a bomb is refused with a reason', async () => {
    const whole = niftiFile({ size: [20, 20, 20] });
    write('empty.nii', '');
    write('cut.nii', whole.subarray(0, 2_000));
    write('cut.nii.gz', gzipSync(whole).subarray(0, 200));
    write('letter.gz', gzipSync(Buffer.from('Dear colleague')));
    const pair = Buffer.from(whole);
    pair.write('ni1', 344, 'latin1');
    write('pair.hdr', pair);
    write('bomb.nii.gz', gzipSync(Buffer.alloc(600 * 2 ** 20)));
    const huge = Buffer.from(whole);
    for (const at of [42, 44, 46]) huge.writeInt16LE(32_767, at);
    write('huge.nii', huge);
    const report = await importFiles();
    expect(report).toMatchObject({ files: 7, imported: 0, refused: 7 });
    expect(reasons(report)).toEqual({
      'empty.nii': 'The file is empty.',
      'cut.nii': expect.stringContaining('ends before its last voxel'),
      'cut.nii.gz': expect.stringContaining('cannot be expanded'),
      'letter.gz': expect.stringContaining('only NIfTI'),
      'pair.hdr': expect.stringContaining('NIfTI pair'),
      'bomb.nii.gz': expect.stringContaining('too large when expanded'),
      'huge.nii': expect.stringContaining('too large'),
    });
  }, 60_000);
});

const mednist = new URL('../../../../../shared/data/mednist-2400', import.meta.url).pathname;
const realSets = existsSync(mednist) ? mednist : path.resolve('../shared/data/mednist-2400');

describe.skipIf(!existsSync(realSets))('a JPEG picture (../shared/data/mednist-2400)', () => {
  const folderOf = (name: string): string[] =>
    readdirSync(path.join(realSets, name))
      .slice(0, 20)
      .map((one) => path.join(realSets, name, one));

  it('stays as it is, bit for bit, inside of its object', async () => {
    const [source = ''] = folderOf('Hand');
    await importFiles(null, [source]);
    const { path: stored, transferSyntaxUID } = place.library.instanceFile(uidOf(path.basename(source)))!;
    expect(transferSyntaxUID).toBe('1.2.840.10008.1.2.4.50');
    expect(readFileSync(stored).includes(readFileSync(source))).toBe(true);
    expect(await frameOf(path.basename(source))).toMatchObject({ rows: 64, columns: 64, samples: 1, bits: 8 });
  });

  it('that is cut, of four colours or of a process without decoder is refused with a reason', async () => {
    const bytes = readFileSync(folderOf('Hand')[0]!);
    write('cut.jpg', bytes.subarray(0, bytes.length - 300));
    const frame = bytes.indexOf(Buffer.from([0xff, 0xc0]));
    const arithmetic = Buffer.from(bytes);
    arithmetic[frame + 1] = 0xc9;
    write('arithmetic.jpg', arithmetic);
    write('text.jpg', 'not a picture');
    write('header-only.jpg', bytes.subarray(0, 60));
    // A frame header of four components in front of the real one.
    const four = [0xff, 0xc0, 0, 20, 8, 0, 64, 0, 64, 4, 1, 17, 0, 2, 17, 0, 3, 17, 0, 4, 17, 0];
    write('cmyk.jpg', Buffer.concat([bytes.subarray(0, frame), Buffer.from(four), bytes.subarray(frame)]));
    const report = await importFiles();
    expect(report).toMatchObject({ imported: 0, refused: 5 });
    expect(reasons(report)).toEqual({
      'cut.jpg': expect.stringContaining('ends before its last line'),
      'arithmetic.jpg': expect.stringContaining('arithmetic coding'),
      'text.jpg': 'Not a JPEG picture, although its name says so.',
      'header-only.jpg': expect.stringContaining('damaged'),
      'cmyk.jpg': expect.stringContaining('CMYK'),
    });
  });
});
