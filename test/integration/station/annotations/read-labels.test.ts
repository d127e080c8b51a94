import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { studyQuerySchema } from '../../../../src/contract/dicom.ts';
import { type LabelProgress, labelSourceCalls, type LabelReport } from '../../../../src/contract/label-source.ts';
import { type Library, openLibrary } from '../../../../src/station/library/library.ts';
import { dicomFile, type ElementSpec, sliceElements } from '../../../fixtures/dicom-bytes.ts';
import { imagiq } from '../../cli/imagiq.ts';
import { dataFolder } from '../library/pixels/reference-pixels.ts';

async function libraryOf(...paths: string[]): Promise<{ folder: string; library: Library }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'imagiq-labels-'));
  const library = openLibrary({ folder });
  await library.importPaths(paths, { mode: 'copy', signal: new AbortController().signal, onProgress: () => {} });
  return { folder, library };
}

const read = (library: Library, asked: Record<string, unknown>): Promise<LabelReport> =>
  library.annotations.readLabels(library, labelSourceCalls['read-labels'].in.parse(asked));

const source = (name: string): string => path.join(dataFolder, name);

describe.skipIf(!existsSync(dataFolder))('labels of real objects', () => {
  let folder: string;
  let library: Library;
  beforeAll(async () => {
    ({ folder, library } = await libraryOf(source('dcmqi'), source('highdicom')));
  }, 60_000);
  afterAll(() => {
    library.close();
    rmSync(folder, { recursive: true });
  });

  it('an image is labelled by all segments that lie on it', async () => {
    const { objects, read: count, labels } = await read(library, { origin: 'SEG' });
    expect(count).toBe(objects);
    expect(labels).toContainEqual({ label: 'GREEN + Liver + ORANGE + PURPLE', count: 1 });
    expect(labels).toContainEqual({ label: 'DARK_BLUE + LIGHT_BLUE + Liver + PURPLE', count: 1 });
    expect(library.labels.all('SEG').length).toBeGreaterThan(10);
  });

  it('a chosen segment labels its images; what its series hold besides is negative, other series stay without', async () => {
    const asked = { origin: 'SEG', choice: 'green', negative: 'other', map: [{ from: 'GREEN', to: 'lesion' }] };
    const { labels } = await read(library, asked);
    expect(labels).toEqual([
      { label: 'other', count: 2 },
      { label: 'lesion', count: 1 },
    ]);
    const series = await read(library, { ...asked, level: 'series' });
    expect(series.labels).toEqual([{ label: 'lesion', count: 1 }]);
    expect(library.labels.all('SEG')).toEqual([
      { level: 'series', uid: expect.stringMatching(/23430\.1$/), label: 'lesion' },
    ]);
  });

  it('nothing changes where no object gives a label', async () => {
    await read(library, { origin: 'SEG', choice: 'Liver' });
    const before = library.labels.all('SEG');
    const { saved, offered } = await read(library, { origin: 'SEG', choice: 'no such segment' });
    expect(saved).toBe(0);
    expect(offered.some(({ label }) => label === 'Liver')).toBe(true);
    expect(library.labels.all('SEG')).toEqual(before);
  });

  it('a reading that is cancelled tells how far it came and changes no label', async () => {
    await read(library, { origin: 'SEG' });
    const before = library.labels.all('SEG');
    const cancelling = new AbortController();
    const asked = labelSourceCalls['read-labels'].in.parse({ origin: 'SEG', choice: 'Liver' });
    const heard: LabelProgress[] = [];
    const reading = library.annotations.readLabels(library, asked, {
      signal: cancelling.signal,
      onProgress(progress) {
        heard.push(progress);
        cancelling.abort();
      },
    });
    await expect(read(library, { origin: 'SEG' })).rejects.toMatchObject({ code: 630 });
    await expect(reading).rejects.toMatchObject({ code: 631, counts: { done: 1, found: heard[0]?.found } });
    expect(heard[0]).toMatchObject({ done: 0 });
    expect(library.labels.all('SEG')).toEqual(before);
  });

  it('a reading that a query narrows keeps the labels of the other studies', async () => {
    await read(library, { origin: 'SEG' });
    const before = library.labels.all('SEG');
    const { studies } = library.studies(studyQuerySchema.parse({ filters: [{ field: 'modality', anyOf: ['SEG'] }] }));
    expect(studies.length).toBeGreaterThan(1);
    const { saved } = await read(library, { origin: 'SEG', query: studies[0]!.studyInstanceUID });
    expect(saved).toBeGreaterThan(0);
    expect(saved).toBeLessThan(before.length);
    expect(library.labels.all('SEG')).toEqual(before);
  });

  it('a measurement report labels images by its findings, or by the concept that is asked for', async () => {
    const { labels } = await read(library, { origin: 'SR' });
    expect(labels.map(({ label }) => label)).toEqual(['Aorta + Nodule + Spinal cord + Vertebra', 'Neoplasm, Primary']);
    const bySite = await read(library, { origin: 'SR', choice: 'finding site' });
    expect(bySite.labels.map(({ label }) => label)).toEqual(
      ['Cervico-thoracic spine + Lung', 'pharyngeal tonsil (adenoid)'].sort(),
    );
  });
});

it('of a report that lies in the series of its images are read, also of a study without any report series', async () => {
  const code = (tag: number, meaning: string): ElementSpec => ({
    tag,
    value: [
      [
        { tag: 0x00080100, value: meaning === 'Finding' ? '121071' : 'X1' },
        { tag: 0x00080102, value: meaning === 'Finding' ? 'DCM' : '99TEST' },
        { tag: 0x00080104, value: meaning },
      ],
    ],
  });
  const folder = mkdtempSync(path.join(tmpdir(), 'imagiq-report-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const image = { uid: '1.7.1.1', study: '1.7', series: '1.7.1', patientID: '7', positionMm: 0 };
  writeFileSync(path.join(folder, 'image.dcm'), dicomFile(sliceElements(image)));
  const report: ElementSpec[] = [
    { tag: 0x00080016, value: '1.2.840.10008.5.1.4.1.1.88.33' },
    { tag: 0x00080018, value: '1.7.1.9' },
    { tag: 0x00080060, value: 'CT' },
    { tag: 0x00100020, value: '7' },
    { tag: 0x0020000d, value: '1.7' },
    { tag: 0x0020000e, value: '1.7.1' },
    { tag: 0x0040a040, value: 'CONTAINER' },
  ];
  writeFileSync(
    path.join(folder, 'report.dcm'),
    dicomFile([...report, code(0x0040a043, 'Report')].sort((a, b) => a.tag - b.tag)),
  );
  const { folder: home, library } = await libraryOf(folder);
  onTestFinished(() => {
    library.close();
    rmSync(home, { recursive: true });
  });
  const told = await read(library, { origin: 'SR' });
  expect(told.objects).toBe(1);
  expect((await read(library, { origin: 'SR', query: 'nobody of that name' })).objects).toBe(0);
});

describe('labels of structure sets', () => {
  const roi = (study: string, contour: ElementSpec[]): ElementSpec[] => [
    { tag: 0x00080016, value: '1.2.840.10008.5.1.4.1.1.481.3' },
    { tag: 0x00080018, value: `${study}.9` },
    { tag: 0x00080060, value: 'RTSTRUCT' },
    { tag: 0x00100020, value: study },
    { tag: 0x0020000d, value: study },
    { tag: 0x0020000e, value: `${study}.8` },
    {
      tag: 0x30060010,
      value: [
        [{ tag: 0x30060012, value: [[{ tag: 0x30060014, value: [[{ tag: 0x0020000e, value: `${study}.1` }]] }]] }],
      ],
    },
    {
      tag: 0x30060020,
      value: [
        [
          { tag: 0x30060022, value: '4' },
          { tag: 0x30060026, value: 'Tumour' },
        ],
      ],
    },
    {
      tag: 0x30060039,
      value: [
        [
          { tag: 0x30060040, value: [contour] },
          { tag: 0x30060084, value: '4' },
        ],
      ],
    },
  ];

  it('go to the images of the planes that contours lie in where these name none, and make a cohort', async () => {
    const files = mkdtempSync(path.join(tmpdir(), 'imagiq-roi-'));
    onTestFinished(() => rmSync(files, { recursive: true }));
    const contour: ElementSpec[] = [
      { tag: 0x30060042, value: 'CLOSED_PLANAR' },
      { tag: 0x30060050, value: '0\\0\\3.1\\2\\0\\3.1\\2\\2\\3.1' },
    ];
    for (const study of ['1.2.3', '1.2.4', '1.2.5']) {
      for (const [index, positionMm] of [0, 3, 6].entries()) {
        const uid = `${study}.1.${index + 1}`;
        const slice = sliceElements({ uid, study, series: `${study}.1`, patientID: study, positionMm });
        writeFileSync(path.join(files, uid), dicomFile(slice));
      }
      writeFileSync(path.join(files, `${study}.9`), dicomFile(roi(study, contour)));
    }
    const { folder, library } = await libraryOf(files);
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    library.close();

    const labels = await imagiq('--home', folder, '--json', 'labels', 'from', 'rtstruct', '--negatives');
    expect(labels.json<LabelReport>()).toMatchObject({
      read: 3,
      saved: 9,
      notHere: 0,
      labels: [
        { label: 'none', count: 6 },
        { label: 'Tumour', count: 3 },
      ],
    });
    const list = await imagiq('--home', folder, '--json', 'labels', 'list');
    expect(list.json()).toEqual({ origins: [{ origin: 'RTSTRUCT', labels: 9 }] });
    const cohort = await imagiq('--home', folder, '--json', 'cohort', 'create', 'tumours', '--labels-from', 'RTSTRUCT');
    expect(cohort.stdout + cohort.stderr).toContain('Tumour');
    expect(cohort.code).toBe(0);
  }, 60_000);
});
