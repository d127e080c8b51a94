// What a segmentation model drew on this site's own volumes, written as DICOM SEG: read back by other programs and by the viewer.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { CallOutput } from '../../../src/contract/calls.ts';
import type { Cohort } from '../../../src/contract/cohort.ts';
import { openLibrary } from '../../../src/station/library/library.ts';
import { niftiFile } from '../../fixtures/nifti-bytes.ts';
import { imagiq, temporaryFolder } from './imagiq.ts';

const [columns, rows, slices] = [33, 27, 9];
/** Left, posterior, superior: turned against what the network sees, and no byte's worth of pixels to a frame. */
const sform = [
  [-1.5, 0, 0, 20],
  [0, 1, 0, -15],
  [0, 0, 3, 7],
];
const voxels = Array.from({ length: columns * rows * slices }, (_, at): [number, number, number] => [
  at % columns,
  Math.floor(at / columns) % rows,
  Math.floor(at / columns / rows),
]);
const isIn = ([i, j, k]: [number, number, number], patient: number): boolean =>
  Math.hypot((i - 12 - (patient % 5)) / 6, (j - 10 - (patient % 4)) / 5, (k - 4) / 3) < 1;

function writeVolumes(folder: string, patients: number): void {
  for (const name of ['images', 'labels']) mkdirSync(path.join(folder, name), { recursive: true });
  for (let patient = 0; patient < patients; patient += 1) {
    const spec = { size: [columns, rows, slices], sform };
    const grey = voxels.map((voxel, at) => (isIn(voxel, patient) ? 900 : 100) + ((at * 7919) % 97));
    writeFileSync(path.join(folder, 'images', `case_${patient}.nii`), niftiFile({ ...spec, values: grey }));
    const mask = niftiFile({
      ...spec,
      datatype: 2,
      voxelBytes: 1,
      write: (view, at, value) => view.setUint8(at, value),
      values: voxels.map((voxel) => Number(isIn(voxel, patient))),
    });
    writeFileSync(path.join(folder, 'labels', `case_${patient}.nii`), mask);
  }
}

const filesIn = (folder: string): Set<string> =>
  new Set(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name)),
  );

const readByPydicom = `
import json, sys, pydicom
d = pydicom.dcmread(sys.argv[1])
a = d.pixel_array.reshape(-1, d.Rows, d.Columns)
frames = [{
  'segment': f.SegmentIdentificationSequence[0].ReferencedSegmentNumber,
  'source': int(f.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber),
  'position': [float(v) for v in f.PlanePositionSequence[0].ImagePositionPatient],
  'pixels': int(a[i].sum()),
} for i, f in enumerate(d.PerFrameFunctionalGroupsSequence)]
s = d.SegmentSequence[0]
print(json.dumps({'frames': frames, 'type': s.SegmentAlgorithmType, 'name': s.SegmentAlgorithmName, 'label': s.SegmentLabel,
  'uid': str(d.SOPInstanceUID), 'source': str(d.ReferencedSeriesSequence[0].SeriesInstanceUID), 'frameOfReference': str(d.FrameOfReferenceUID)}))
`;

const volumesByPydicom = `
import json, sys, pydicom
d = pydicom.dcmread(sys.argv[1])
measurements = next(c for c in d.ContentSequence if c.ConceptNameCodeSequence[0].CodeValue == '126010')
print(json.dumps({
  'source': str(d.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0].SeriesInstanceUID),
  'volumes': [{
    'tracking': next(c.TextValue for c in g.ContentSequence if c.ConceptNameCodeSequence[0].CodeValue == '112039'),
    'value': float(c.MeasuredValueSequence[0].NumericValue),
    'unit': c.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue,
  } for g in measurements.ContentSequence for c in g.ContentSequence if c.ConceptNameCodeSequence[0].CodeValue == '118565006']}))
`;

test('masks that a model drew are a standard segmentation beside the images, an overlay over them and no label', async () => {
  const folder = temporaryFolder();
  const home = path.join(folder, 'home');
  writeVolumes(path.join(folder, 'set'), 10);
  const run = (...flags: string[]) => imagiq('--home', home, '--json', ...flags);
  await run('import', path.join(folder, 'set'));
  const cohort = (await run('cohort', 'create', 'blobs', '--task', 'segmentation')).json<Cohort>();
  expect(cohort).toMatchObject({ instances: 10 * slices, patients: 10 });
  const trained = await run(
    'train',
    '--cohort',
    'blobs',
    '--network',
    'unet',
    '--epochs',
    '4',
    '--seed',
    '1',
    '--batch',
    '8',
  );
  expect(trained.stderr).not.toContain('imagiq:');
  const { models } = (await run('models', 'list')).json<CallOutput<'models'>>();
  const model = models[0]!;
  expect(model.modalities).toEqual(['OT']);

  const store = path.join(home, 'instances');
  const before = filesIn(store);
  const refused = await run('predict', '--model', model.id, '--studies', 'case', '--write', 'sc');
  expect(refused.stdout).toContain('masks are written as SEG');
  const flags = ['predict', '--model', model.id, '--studies', 'case', '--write', 'seg'];
  const found = (await run(...flags)).json<CallOutput<'predict-studies'>>();
  expect(found).toMatchObject({ failures: [], written: 10 });
  // Every slice of every volume, and not what the model itself or a mask added to the studies.
  expect(found.images.length).toBe(10 * slices);
  const written = [...filesIn(store)].filter((file) => !before.has(file));
  expect(written).toHaveLength(10);
  const again = (await run(...flags)).json<CallOutput<'predict-studies'>>();
  expect(again.images).toEqual(found.images);
  expect([found.writtenNow, again.written, again.writtenNow]).toEqual([10, 10, 0]);
  expect(filesIn(store).size).toBe(before.size + 10);

  const verdict = execFileSync('sh', ['-c', 'dciodvfy "$1" 2>&1', 'sh', written[0]!]).toString();
  expect(verdict).toContain('Segmentation');
  expect(verdict).not.toContain('Error');
  const seg = JSON.parse(execFileSync('/usr/bin/python3', ['-c', readByPydicom, written[0]!]).toString()) as {
    frames: { segment: number; source: number; position: number[]; pixels: number }[];
    type: string;
    name: string;
    label: string;
    uid: string;
    source: string;
    frameOfReference: string;
  };
  expect(seg).toMatchObject({ type: 'AUTOMATIC', name: `unet ${model.id}`, label: 'label 1' });
  const own = found.images.filter((image) => image.seriesInstanceUID === seg.source);
  expect(own).toHaveLength(slices);
  const drawn = own.reduce((sum, { probabilities }) => sum + probabilities[1]!, 0);
  expect(drawn).toBeGreaterThan(0.1);

  const beforeReports = filesIn(store);
  await run('predict', '--model', model.id, '--studies', 'case', '--write', 'sr');
  const reports = [...filesIn(store)].filter((file) => !beforeReports.has(file));
  expect(reports).toHaveLength(10);
  expect(execFileSync('sh', ['-c', 'dciodvfy "$1" 2>&1', 'sh', reports[0]!]).toString()).not.toContain('Error');
  const told = reports.map(
    (file) =>
      JSON.parse(execFileSync('/usr/bin/python3', ['-c', volumesByPydicom, file]).toString()) as {
        source: string;
        volumes: { tracking: string; value: number; unit: string }[];
      },
  );
  const cm3 = (seg.frames.reduce((sum, { pixels }) => sum + pixels, 0) * 1.5 * 1 * 3) / 1_000;
  expect(told.find(({ source }) => source === seg.source)?.volumes).toEqual([
    { tracking: `label 1, ${model.id}`, value: expect.closeTo(cm3, 4), unit: 'cm3' },
  ]);

  const library = openLibrary({ folder: home });
  try {
    const overlays = await library.annotations.overlays(seg.source);
    expect(overlays.find(({ sopInstanceUID }) => sopInstanceUID === seg.uid)).toMatchObject({
      isPredicted: true,
      problem: null,
      regions: [{ label: 'label 1' }],
    });
    const geometry = await library.annotations.seriesGeometry(seg.source);
    let agreeing = 0;
    let truth = 0;
    for (const { segment, source, position, pixels } of seg.frames) {
      const shown = geometry.find(({ frame }) => frame === source)!;
      expect(position).toEqual(shown.geometry.position!.map((value) => expect.closeTo(value, 6)));
      expect(seg.frameOfReference).toBe(shown.geometry.frameOfReferenceUID);
      const asked = { sopInstanceUID: shown.sopInstanceUID, frame: source };
      const { shapes } = await library.annotations.overlayShapes({ ...asked, overlayInstanceUID: seg.uid });
      const mask = shapes.find(({ region }) => region === segment)!.mask!;
      expect(mask.filter((value) => value > 0)).toHaveLength(pixels);
      // The mask that came with the volume lies under it: what the model drew is where it should be.
      const given = overlays.find(({ isPredicted }) => !isPredicted)!;
      const { shapes: right } = await library.annotations.overlayShapes({
        ...asked,
        overlayInstanceUID: given.sopInstanceUID,
      });
      truth += right[0]?.mask?.filter((value) => value > 0).length ?? 0;
      mask.forEach((value, at) => (agreeing += value > 0 && (right[0]?.mask?.[at] ?? 0) > 0 ? 1 : 0));
    }
    expect(agreeing / truth).toBeGreaterThan(0.7);
  } finally {
    library.close();
  }

  // Made again it is the very same cohort: what a model drew is no truth to learn from.
  const later = (await run('cohort', 'create', 'blobs', '--task', 'segmentation')).json<Cohort>();
  expect(later).toEqual(cohort);
  const labels = await run('labels', 'from', 'seg');
  expect(labels.stdout).toContain('"objects":10');
}, 600_000);
