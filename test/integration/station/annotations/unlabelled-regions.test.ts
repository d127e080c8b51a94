// Why a region of an object gave no label, told for each.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { labelSourceCalls, type LabelReport } from '../../../../src/contract/label-source.ts';
import { openLibrary } from '../../../../src/station/library/library.ts';
import { dicomFile, type ElementSpec, sliceElements } from '../../../fixtures/dicom-bytes.ts';
import { imagiq } from '../../cli/imagiq.ts';

const study = '1.2.3';
const series = '1.2.3.1';
const space = '1.2.3.7';
const object = '1.2.3.9';

interface Roi {
  readonly name: string;
  /** DICOM decimal strings, one contour each; none of them for an ROI that is named and not drawn. */
  readonly contours: readonly string[];
  readonly space?: string;
}

const square = (z: number): string => `0\\0\\${z}\\2\\0\\${z}\\2\\2\\${z}`;

function structureSet(rois: readonly Roi[], referenced: string): ElementSpec[] {
  const numbered = rois.map((roi, at) => ({ ...roi, number: String(at + 1) }));
  const seriesItem = [[{ tag: 0x0020000e, value: referenced }]];
  const head: ElementSpec[] = [
    { tag: 0x00080016, value: '1.2.840.10008.5.1.4.1.1.481.3' },
    { tag: 0x00080018, value: object },
    { tag: 0x00080060, value: 'RTSTRUCT' },
    { tag: 0x00100020, value: 'oslo' },
    { tag: 0x0020000d, value: study },
    { tag: 0x0020000e, value: '1.2.3.8' },
  ];
  if (rois.length === 0) return head;
  return [
    ...head,
    { tag: 0x30060010, value: [[{ tag: 0x30060012, value: [[{ tag: 0x30060014, value: seriesItem }]] }]] },
    {
      tag: 0x30060020,
      value: numbered.map(({ number, name, space: own = space }) => [
        { tag: 0x30060022, value: number },
        { tag: 0x30060024, value: own },
        { tag: 0x30060026, value: name },
      ]),
    },
    {
      tag: 0x30060039,
      value: numbered
        .filter(({ contours }) => contours.length > 0)
        .map(({ number, contours }) => [
          {
            tag: 0x30060040,
            value: contours.map((points) => [
              { tag: 0x30060042, value: 'CLOSED_PLANAR' },
              { tag: 0x30060050, value: points },
            ]),
          },
          { tag: 0x30060084, value: number },
        ]),
    },
  ];
}

/** A library of three slices at 0, 3 and 6 mm and of one object. */
async function threeSlicesWith(file: readonly ElementSpec[]): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'imagiq-unlabelled-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [files, home] = [mkdtempSync(path.join(folder, 'files-')), path.join(folder, 'home')];
  for (const [at, positionMm] of [0, 3, 6].entries()) {
    const slice = sliceElements({ uid: `${series}.${at + 1}`, study, series, patientID: 'oslo', positionMm });
    const placed = [...slice, { tag: 0x00200052, value: space }, { tag: 0x00280030, value: '1\\1' }].sort(
      (one, other) => one.tag - other.tag,
    );
    writeFileSync(path.join(files, `${at}.dcm`), dicomFile(placed));
  }
  writeFileSync(path.join(files, 'object.dcm'), dicomFile([...file]));
  const library = openLibrary({ folder: home });
  await library.importPaths([files], { mode: 'copy', signal: new AbortController().signal, onProgress: () => {} });
  library.close();
  return home;
}

async function read(home: string, asked: Record<string, unknown>): Promise<LabelReport> {
  const library = openLibrary({ folder: home });
  try {
    return await library.annotations.readLabels(library, labelSourceCalls['read-labels'].in.parse(asked));
  } finally {
    library.close();
  }
}

const told = ({ unlabelled }: LabelReport): [string, string][] =>
  unlabelled.map(({ regions, reason }) => [regions.join(), reason]);

it('each ROI without a label says why: not drawn, unreadable, elsewhere, in another frame of reference', async () => {
  const rois: Roi[] = [
    { name: 'Drawn', contours: [square(3)] },
    { name: 'Empty', contours: [] },
    { name: 'Unreadable', contours: ['1\\2'] },
    { name: 'Between', contours: [square(4.5)] },
    { name: 'Above', contours: [square(9)] },
    { name: 'Elsewhere', contours: [square(3)], space: '9.9.9' },
  ];
  const home = await threeSlicesWith(structureSet(rois, series));
  const report = await read(home, { origin: 'RTSTRUCT' });
  expect(report.labels).toEqual([{ label: 'Drawn', count: 1 }]);
  expect(report.unlabelledCount).toBe(4);
  expect(Object.fromEntries(told(report))).toEqual({
    Empty: 'it has no contours',
    Unreadable: 'its contours have no points that can be read',
    'Between,Above': 'no image of its series lies in the plane that it is drawn in',
    Elsewhere: 'it is drawn in another frame of reference than its series has',
  });
});

it('the same ROIs are told as those that no image of the series shows', async () => {
  const rois: Roi[] = [
    { name: 'Drawn', contours: [square(30), square(3)] },
    { name: 'Empty', contours: [] },
    { name: 'Unreadable', contours: ['1\\2'] },
    { name: 'Between', contours: [square(4.5)] },
    { name: 'Elsewhere', contours: [square(3)], space: '9.9.9' },
  ];
  const home = await threeSlicesWith(structureSet(rois, series));
  const library = openLibrary({ folder: home });
  onTestFinished(() => library.close());
  const asked = { overlayInstanceUID: object, seriesInstanceUID: series };
  expect(await library.annotations.undrawnRegions(asked)).toEqual([
    { region: 2, reason: 'it has no contours' },
    { region: 3, reason: 'its contours have no points that can be read' },
    { region: 4, reason: 'no image of this series lies in the plane that it is drawn in' },
    { region: 5, reason: 'it is drawn in another frame of reference than this series has' },
  ]);
});

it('a region that was not asked for, or that the map leaves out, is not told of', async () => {
  const rois: Roi[] = [
    { name: 'Empty', contours: [] },
    { name: 'Between', contours: [square(4.5)] },
    { name: 'Left', contours: [] },
  ];
  const home = await threeSlicesWith(structureSet(rois, series));
  expect(told(await read(home, { origin: 'RTSTRUCT', choice: 'between' })).map(([region]) => region)).toEqual([
    'Between',
  ]);
  const mapped = await read(home, { origin: 'RTSTRUCT', map: [{ from: 'Left', to: '' }] });
  expect(told(mapped).map(([region]) => region)).toEqual(['Empty', 'Between']);
});

it('a structure set over a series that is not here says so on the command line', async () => {
  const home = await threeSlicesWith(structureSet([{ name: 'Tumour', contours: [square(3)] }], '7.7.7'));
  const { stdout, code } = await imagiq('--home', home, 'labels', 'from', 'rtstruct');
  expect(stdout).toContain(`“Tumour” of ${object}: the series that it is drawn on is not in this library`);
  expect(code).toBe(0);
}, 60_000);

it('a report without a measurement group says so', async () => {
  const report: ElementSpec[] = [
    { tag: 0x00080016, value: '1.2.840.10008.5.1.4.1.1.88.33' },
    ...structureSet([], series).slice(1),
    { tag: 0x0040a040, value: 'CONTAINER' },
  ];
  const home = await threeSlicesWith(report.map((one) => (one.value === 'RTSTRUCT' ? { ...one, value: 'SR' } : one)));
  expect(told(await read(home, { origin: 'SR' }))).toEqual([
    ['', 'it has no measurement group (PS3.16 TID 1500) that says anything'],
  ]);
});
