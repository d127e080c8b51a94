// Research sets of volumes and masks through the real library: masks become segmentations of their images.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ImportLabels, ImportReport } from '../../../../src/contract/dicom.ts';
import { type Library, openLibrary } from '../../../../src/station/library/library.ts';
import { niftiFile } from '../../../fixtures/nifti-bytes.ts';

const hippocampus = path.resolve(import.meta.dirname, '../../../../../shared/data/msd-hippocampus-80');
let folder: string;
let files: string;
let library: Library;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-masks-'));
  files = path.join(folder, 'files');
  mkdirSync(files);
  library = openLibrary({ folder: path.join(folder, 'home') });
});
afterEach(() => {
  library.close();
  rmSync(folder, { recursive: true, force: true });
});

const sform = [
  [2, 0, 0, -10],
  [0, 2, 0, -20],
  [0, 0, 3, 5],
];
const size = [3, 2, 2];
const byte = {
  datatype: 2,
  voxelBytes: 1,
  write: (view: DataView, at: number, value: number) => view.setUint8(at, value),
};
const image = (first: number): Buffer =>
  gzipSync(niftiFile({ size, sform, values: Array.from({ length: 12 }, (_, index) => first + index * 10) }));
const mask = (values: readonly number[], place: Parameters<typeof niftiFile>[0] = { size }): Buffer =>
  gzipSync(niftiFile({ sform, ...place, ...byte, values }));
const half = [0, 1, 1, 0, 2, 0, 0, 0, 0, 0, 0, 2];
const none = half.map(() => 0);

function write(files: string, contents: Readonly<Record<string, Uint8Array | string>>): void {
  for (const [name, bytes] of Object.entries(contents)) {
    mkdirSync(path.dirname(path.join(files, name)), { recursive: true });
    writeFileSync(path.join(files, name), bytes);
  }
}

const importFiles = (labels: ImportLabels | null = null, paths = [files]): Promise<ImportReport> =>
  library.importPaths(paths, { mode: 'reference', labels, signal: new AbortController().signal, onProgress: () => {} });
const studies = () =>
  library.studies({ query: '', filters: [], sortBy: 'patientName', descending: false, limit: 100, offset: 0 }).studies;
const images = () => [...library.selectInstances({ query: '', studyInstanceUIDs: null })];

async function labelsOf(name: string): Promise<{ classes: readonly string[]; frames: number[][] }> {
  const one = images().find((selected) => selected.path.endsWith(name));
  if (one === undefined) throw new Error(`${name} is not here`);
  const segmentation = await library.annotations.readSegmentation(one.seriesInstanceUID);
  if (segmentation === null) throw new Error(`${name} has no segmentation`);
  const frames: number[][] = [];
  for (let frame = 1; frame <= one.frames; frame += 1) {
    const map = await segmentation.labelMap(one.sopInstanceUID, frame);
    expect(map).toMatchObject({ rows: 2, columns: 3, overlapping: 0 });
    frames.push([...map.labels]);
  }
  return { classes: segmentation.classes, frames };
}

describe('masks of a research set', () => {
  const set = {
    'imagesTr/one.nii.gz': image(0),
    'imagesTr/two.nii.gz': image(500),
    'labelsTr/one.nii.gz': mask(half),
    'labelsTr/two.nii.gz': mask(none),
    'dataset.json': JSON.stringify({ labels: { 0: 'background', 1: 'Anterior', 2: 'Posterior' } }),
  };

  it('become segmentations in the studies of their images, with the names of dataset.json, voxel for voxel', async () => {
    write(files, set);
    const report = await importFiles();
    expect(report).toMatchObject({ imported: 4, studies: 2, series: 4 });
    expect(report.notes).toEqual(['2 masks are kept as segmentations of their images.']);
    expect(studies().map(({ modalities, instances }) => ({ modalities, instances }))).toEqual([
      { modalities: ['OT', 'SEG'], instances: 2 },
      { modalities: ['OT', 'SEG'], instances: 2 },
    ]);
    expect(await labelsOf('one.nii.gz')).toEqual({
      classes: ['Anterior', 'Posterior'],
      // Stored to the right and to the front, read to the left and to the back: each slice from its last voxel to its first.
      frames: [half.slice(0, 6).reverse(), half.slice(6).reverse()],
    });
    // An empty mask has the same classes: a set has one list of them.
    expect(await labelsOf('two.nii.gz')).toEqual({
      classes: ['Anterior', 'Posterior'],
      frames: [none.slice(0, 6), none.slice(6)],
    });
    expect(images().map((one) => path.basename(path.dirname(one.path)))).toEqual(['imagesTr', 'imagesTr']);
  });

  it('are the same on a second import, and in whatever order they are met', async () => {
    write(files, set);
    await importFiles(null, [path.join(files, 'labelsTr'), path.join(files, 'imagesTr')]);
    expect(await importFiles()).toMatchObject({ imported: 0, duplicates: 4 });
    expect(studies()).toHaveLength(2);
  });

  it('are found in a zip archive, also before their images', async () => {
    const { 'labelsTr/one.nii.gz': first, ...others } = set;
    const packed = Object.entries({ 'labelsTr/one.nii.gz': first, ...others }).map(([name, bytes]) => [
      `Task/${name}`,
      typeof bytes === 'string' ? Buffer.from(bytes) : bytes,
    ]);
    write(files, { 'Task.zip': zipSync(Object.fromEntries(packed)) });
    expect((await importFiles()).notes).toEqual(['2 masks are kept as segmentations of their images.']);
    expect(await labelsOf('one.nii.gz')).toMatchObject({ classes: ['Anterior', 'Posterior'] });
  });

  it('follow the patient that a labels file names for their images, and get no label of their own', async () => {
    write(files, {
      ...set,
      'labels.csv': 'file,label,patient\nimagesTr/one.nii.gz,a,P1\nimagesTr/two.nii.gz,b,P2\n',
    });
    const report = await importFiles({ file: path.join(files, 'labels.csv'), column: null });
    expect(report).toMatchObject({ studies: 2, labelled: 2 });
    expect(
      studies()
        .map(({ patientID }) => patientID)
        .sort(),
    ).toEqual(['P1', 'P2']);
  });

  it('of nnU-Net belong to the first channel, and a class may be named the other way round', async () => {
    write(files, {
      'imagesTr/case_0000.nii.gz': image(0),
      'imagesTr/case_0001.nii.gz': image(900),
      'labelsTr/case.nii.gz': mask(half),
      'dataset.json': JSON.stringify({ labels: { background: 0, whole: [1, 2], core: 1, rim: 2 } }),
    });
    await importFiles();
    expect(await labelsOf('case_0000.nii.gz')).toMatchObject({ classes: ['core', 'rim'] });
    await expect(labelsOf('case_0001.nii.gz')).rejects.toThrow('no segmentation');
  });

  it('that do not fit their image stay volumes of their own, and the report says why', async () => {
    write(files, {
      'images/a.nii.gz': image(0),
      'masks/a.nii.gz': mask([0, 1, 2, 3], { size: [2, 2, 1] }),
      'images/b.nii.gz': image(1),
      'masks/b.nii.gz': mask(half, { size, sform: sform.map((row) => [...row.slice(0, 3), 0]) }),
      'images/c.nii.gz': image(2),
      'masks/c.nii.gz': gzipSync(niftiFile({ size, sform, values: half.map((value) => value * 300) })),
      'masks/alone.nii.gz': mask(half),
    });
    const report = await importFiles();
    expect(report).toMatchObject({ imported: 7, studies: 7, refused: 0 });
    expect(report.notes).toHaveLength(1);
    expect(report.notes[0]).toMatch(
      /^3 of the files in folders of masks became volumes of their own, a\.nii\.gz first: .*2 × 2 × 1/,
    );
    const asked = { id: report.id, kind: 'unfitting-masks', limit: 10, offset: 0 } as const;
    const { findings } = library.imports.findings(asked);
    expect(Object.fromEntries(findings.map(({ subject, what }) => [path.relative(files, subject), what]))).toEqual({
      'masks/a.nii.gz': expect.stringContaining('2 × 2 × 1'),
      'masks/b.nii.gz': expect.stringContaining('another place'),
      'masks/c.nii.gz': expect.stringContaining('whole numbers of 0 to 255'),
    });
  });

  it.skipIf(!existsSync(hippocampus))(
    'of the Medical Segmentation Decathlon come back as they are in the file (skipped where shared/data is absent)',
    async () => {
      const name = 'hippocampus_190.nii.gz';
      await importFiles(null, [path.join(hippocampus, 'images', name), path.join(hippocampus, 'labels', name)]);
      expect(studies()).toHaveLength(1);
      const one = images()[0]!;
      const segmentation = await library.annotations.readSegmentation(one.seriesInstanceUID);
      const read: number[] = [];
      for (let frame = 1; frame <= one.frames; frame += 1)
        // Turned by half for the reader: the last voxel of the slice comes first.
        read.push(...[...(await segmentation!.labelMap(one.sopInstanceUID, frame)).labels].reverse());
      const bytes = gunzipSync(readFileSync(path.join(hippocampus, 'labels', name)));
      const voxels = bytes.subarray(bytes.readFloatLE(108));
      expect(segmentation!.classes).toEqual(['label 1', 'label 2']);
      expect(Buffer.from(read).equals(voxels.subarray(0, read.length))).toBe(true);
    },
    30_000,
  );
});
