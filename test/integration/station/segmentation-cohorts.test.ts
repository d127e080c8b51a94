// Cohorts of segmented volumes and of several labels, and their data sets, over the real library: NIfTI pairs and pictures made here.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { encode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { shardFolder } from '../../../src/contract/dataset.ts';
import type { CohortProgress } from '../../../src/contract/cohort.ts';
import { type Cohorts, openCohorts } from '../../../src/station/cohorts/cohorts.ts';
import { type Library, openLibrary } from '../../../src/station/library/library.ts';
import { type DatasetFile, openDatasetFile } from '../../../src/trainer/run/dataset-file.ts';
import { niftiFile } from '../../fixtures/nifti-bytes.ts';

const onProgress = (): void => {};
const { signal } = new AbortController();
const all = { query: '', studyInstanceUIDs: null, labelsFile: null, labelColumn: null };
const masks = { ...all, task: 'segmentation' } as const;

interface Home {
  readonly folder: string;
  readonly files: string;
  readonly datasets: string;
  readonly library: Library;
  readonly cohorts: Cohorts;
  write(name: string, bytes: Uint8Array | string): string;
  importFiles(): Promise<void>;
  close(): void;
}

function openHome(): Home {
  const folder = mkdtempSync(path.join(tmpdir(), 'imagiq-segmentation-'));
  const files = path.join(folder, 'files');
  const library = openLibrary({ folder: path.join(folder, 'home') });
  const datasets = path.join(folder, 'datasets');
  const pseudonymKey = new Uint8Array(32).fill(5);
  const cohorts = openCohorts({ folder: path.join(folder, 'home'), datasets, library, pseudonymKey });
  return {
    folder,
    files,
    datasets,
    library,
    cohorts,
    write(name, bytes) {
      const file = path.join(files, name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, bytes);
      return file;
    },
    async importFiles() {
      await library.importPaths([files], { mode: 'reference', signal, onProgress });
    },
    close() {
      cohorts.close();
      library.close();
      rmSync(folder, { recursive: true, maxRetries: 5 });
    },
  };
}

const [columns, rows, slices] = [12, 10, 6];
/** As most NIfTI files lie: columns run to the right and rows to the front, the other way round than axial images are shown. */
const sform = [
  [1, 0, 0, -6],
  [0, 1, 0, -5],
  [0, 0, 2, 0],
];
/** A box near the front right of slices 1 to 4, with a label of its own at the back of it. */
const labelAt = (i: number, j: number, k: number): number =>
  k < 1 || k > 4 || i < 7 || i > 10 || j < 4 || j > 8 ? 0 : j > 6 ? 1 : 2;
const voxels = Array.from({ length: columns * rows * slices }, (_, at): [number, number, number] => [
  at % columns,
  Math.floor(at / columns) % rows,
  Math.floor(at / columns / rows),
]);
/** What the mask marks is bright; each slice has a darkness of its own. */
const volume = (patient: number): Buffer =>
  niftiFile({
    size: [columns, rows, slices],
    sform,
    values: voxels.map((v) => (labelAt(...v) > 0 ? 1_000 : v[2] * 40 + patient)),
  });
const mask = (labels: readonly number[]): Buffer =>
  niftiFile({
    size: [columns, rows, slices],
    sform,
    datatype: 2,
    voxelBytes: 1,
    write: (view, at, value) => view.setUint8(at, value),
    values: labels,
  });
const labelled = mask(voxels.map((voxel) => labelAt(...voxel)));
const empty = mask(voxels.map(() => 0));

async function openDataset(home: Home, name: string, shape: { height: number; width: number; channels: number }) {
  const built = await home.cohorts.buildDataset(name, { ...shape, folder: home.datasets, signal, onProgress });
  const dataset = openDatasetFile(built.file);
  const { height, width, channels } = shape;
  const image = (example: number): Uint16Array => {
    const into = new Uint16Array(height * width * channels);
    dataset.readImage(example, into);
    return into;
  };
  const maskOf = (example: number): Uint8Array => {
    const into = new Uint8Array(height * width);
    dataset.readMask(example, into);
    return into;
  };
  return { ...built, dataset, image, maskOf };
}

describe('a cohort of segmented volumes', () => {
  let home: Home;
  const names = ['one', 'two', 'three', 'four', 'five', 'six'];
  const homeWithVolumes = async (): Promise<Home> => {
    const made = openHome();
    names.forEach((name, index) => {
      made.write(`imagesTr/${name}.nii`, volume(index));
      made.write(`labelsTr/${name}.nii`, labelled);
    });
    made.write('imagesTr/nothing.nii', volume(50));
    made.write('labelsTr/nothing.nii', empty);
    made.write('imagesTr/unmarked.nii', volume(60));
    made.write('dataset.json', JSON.stringify({ labels: { 0: 'background', 1: 'Anterior', 2: 'Posterior' } }));
    await made.importFiles();
    return made;
  };
  beforeAll(async () => {
    home = await homeWithVolumes();
  });
  afterAll(() => home.close());

  it('holds every slice of the volumes that have a mask with something in it, split by patient', async () => {
    const cohort = await home.cohorts.create({ ...masks, name: 'boxes' });
    expect(cohort).toMatchObject({ task: 'segmentation', instances: 36, patients: 6 });
    expect(cohort.classes.map(({ name, instances }) => [name, instances])).toEqual([
      ['background', 36],
      ['Anterior', 24],
      ['Posterior', 24],
    ]);
    expect(Object.values(cohort.split).map(({ instances }) => instances % slices)).toEqual([0, 0, 0]);
    expect(cohort.warnings).toContain('1 series is left out: its segmentation marks nothing on it.');
    expect(await home.cohorts.create({ ...masks, name: 'boxes' })).toEqual(cohort);
  });

  it('tells how far it is, and leaves nothing behind where it is cancelled', async () => {
    const told: CohortProgress[] = [];
    await home.cohorts.create({ ...masks, name: 'boxes' }, { onProgress: (news) => told.push(news) });
    const looked = told.filter(({ stage }) => stage === 'masks');
    expect(looked[0]).toEqual({ stage: 'masks', done: 0, total: 8 * slices });
    expect(looked.at(-1)).toEqual({ stage: 'masks', done: 8 * slices, total: 8 * slices });
    const stop = new AbortController();
    const cancelled = home.cohorts.create(
      { ...masks, name: 'never' },
      { signal: stop.signal, onProgress: () => stop.abort() },
    );
    await expect(cancelled).rejects.toMatchObject({ code: 228 });
    expect(home.cohorts.list().map(({ name }) => name)).not.toContain('never');
  });

  it('becomes images and masks that lie on one another, the front at the top', async () => {
    await home.cohorts.create({ ...masks, name: 'boxes' });
    const { dataset, image, maskOf, header } = await openDataset(home, 'boxes', { height: 16, width: 16, channels: 1 });
    expect(header.preprocessing).toMatchObject({ orientation: 'canonical', spacingMm: 2 ** -0.25 });
    expect(header.classPixels).toHaveLength(3);
    let marked = 0;
    for (let example = 0; example < header.examples; example += 1) {
      const [shown, labels] = [image(example), maskOf(example)];
      if (!labels.some((label) => label > 0)) continue;
      marked += 1;
      const rowsOf = (label: number): number[] =>
        [...labels.keys()].filter((at) => labels[at] === label).map((at) => Math.floor(at / 16));
      expect(Math.max(...rowsOf(1))).toBeLessThan(Math.min(...rowsOf(2)));
      // The patient's right is shown on the left.
      const middle = [...labels.keys()].filter((at) => labels[at]! > 0).map((at) => at % 16);
      expect(middle.reduce((sum, column) => sum + column, 0) / middle.length).toBeLessThan(8);
      const differing = labels.filter((label, at) => label > 0 !== shown[at]! > 40_000).length;
      expect(differing).toBeLessThan(14);
    }
    expect(marked).toBe(24);
    dataset.close();
  });

  it('tells of each slice its volume, its number there and the distances in the patient', async () => {
    await home.cohorts.create({ ...masks, name: 'boxes' });
    const { dataset, header } = await openDataset(home, 'boxes', { height: 16, width: 16, channels: 1 });
    const places = dataset.placesOf(Int32Array.from({ length: header.examples }, (_, example) => example))!;
    expect(new Set(places.map(({ volume: number }) => number)).size).toBe(6);
    for (const [example, { volume: number, slice, spacingMm }] of places.entries()) {
      expect(number).toBe(Math.floor(example / slices));
      expect(slice).toBe(example % slices);
      // 10 mm of rows on 12 pixels, 12 mm of columns on 14: the network's pixels, not the file's.
      expect(spacingMm).toEqual([2, 10 / 12, 12 / 14].map((mm) => expect.closeTo(mm, 5)));
    }
    dataset.close();
  });

  it('gives each slice its neighbours as channels, the last one again at the ends', async () => {
    await home.cohorts.create({ ...masks, name: 'boxes' });
    const one = await openDataset(home, 'boxes', { height: 16, width: 16, channels: 1 });
    const three = await openDataset(home, 'boxes', { height: 16, width: 16, channels: 3 });
    const channel = (example: number, index: number): number[] =>
      [...three.image(example)].filter((_, at) => at % 3 === index);
    for (let example = 0; example < one.header.examples; example += 1) {
      // Slices of a volume follow one another.
      const slice = example % slices;
      expect(channel(example, 1)).toEqual([...one.image(example)]);
      expect(channel(example, 0)).toEqual([...one.image(slice === 0 ? example : example - 1)]);
      expect(channel(example, 2)).toEqual([...one.image(slice === slices - 1 ? example : example + 1)]);
      expect(three.maskOf(example)).toEqual(one.maskOf(example));
    }
    one.dataset.close();
    three.dataset.close();
  });

  it('says what is wrong: labels of another kind, no segmentation, nothing marked, too few patients', async () => {
    const code = (value: number) => expect.objectContaining({ code: value });
    const create = (more: object): Promise<unknown> => home.cohorts.create({ ...masks, name: 'bad', ...more });
    await expect(create({ labelsFile: 'x.csv' })).rejects.toEqual(code(223));
    await expect(create({ labelsFrom: 'RTSTRUCT' })).rejects.toEqual(code(221));
    const { studies } = home.library.studies({
      query: '',
      filters: [],
      sortBy: 'patientName',
      descending: false,
      limit: 100,
      offset: 0,
    });
    const studyOf = (name: string): string =>
      studies.find((study) => study.patientName.startsWith(name))!.studyInstanceUID;
    await expect(create({ studyInstanceUIDs: [studyOf('unmarked')] })).rejects.toEqual(code(221));
    await expect(create({ studyInstanceUIDs: [studyOf('nothing')] })).rejects.toEqual(code(222));
    await expect(create({ studyInstanceUIDs: [studyOf('one')] })).rejects.toEqual(code(208));
    const asked = { height: 16, width: 16, channels: 1, folder: home.datasets, signal, onProgress };
    await home.cohorts.create({ ...masks, name: 'boxes' });
    await expect(home.cohorts.buildDataset('boxes', { ...asked, task: 'classification' })).rejects.toEqual(code(227));
  });

  it('goes on from the shards that are whole when its build was cut short, and mends one that is damaged', async () => {
    await home.cohorts.create({ ...masks, name: 'boxes' });
    // In the folder that is swept: what is not finished must outlive that, and the builds of others.
    const small = { height: 16, width: 16, channels: 1, folder: home.datasets, signal, onProgress };
    await home.cohorts.buildDataset('boxes', small);
    const large = { height: 512, width: 512, channels: 1, folder: home.datasets };
    const stop = new AbortController();
    const shards = path.join(large.folder, shardFolder);
    const known = new Set(readdirSync(shards));
    const written = (): string[] => readdirSync(shards).filter((name) => !name.endsWith('.tmp') && !known.has(name));
    const stopped = home.cohorts.buildDataset('boxes', {
      ...large,
      signal: stop.signal,
      onProgress: () => written().length > 0 && stop.abort(),
    });
    await expect(stopped).rejects.toThrow(/abort/i);
    const before = new Map(written().map((name) => [name, statSync(path.join(shards, name)).mtimeMs]));
    expect(before.size).toBeGreaterThan(0);
    await home.cohorts.buildDataset('boxes', { ...small, channels: 3 });
    const built = await home.cohorts.buildDataset('boxes', { ...large, signal, onProgress });
    expect(built.header.shards!.length).toBeGreaterThan(before.size);
    for (const [name, mtimeMs] of before) expect(statSync(path.join(shards, name)).mtimeMs).toBe(mtimeMs);

    const [first] = built.header.shards!;
    const bytes = readFileSync(path.join(shards, first!.file));
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(path.join(shards, first!.file), bytes);
    let told = 0;
    const mending = { ...large, signal, onProgress, onMend: () => (told += 1) };
    const mended = await home.cohorts.buildDataset('boxes', mending);
    expect(told).toBe(1);
    await home.cohorts.buildDataset('boxes', mending);
    expect(told).toBe(1);
    expect(mended.header).toEqual(built.header);
    bytes[bytes.length >> 1]! ^= 1;
    expect(readFileSync(path.join(shards, first!.file)).equals(bytes)).toBe(true);
  }, 60_000);

  it('reads its shards again when one is doubted that looks as it did', async () => {
    await home.cohorts.create({ ...masks, name: 'boxes' });
    const asked = { height: 16, width: 16, channels: 1, folder: home.datasets, signal, onProgress };
    const { header } = await home.cohorts.buildDataset('boxes', asked);
    const file = path.join(home.datasets, shardFolder, header.shards![0]!.file);
    const second = 1_700_000_000;
    utimesSync(file, second, second);
    await home.cohorts.buildDataset('boxes', asked);
    const whole = readFileSync(file);
    const damaged = Buffer.from(whole);
    damaged[damaged.length >> 1]! ^= 1;
    writeFileSync(file, damaged);
    utimesSync(file, second, second);
    await home.cohorts.buildDataset('boxes', asked);
    expect(readFileSync(file).equals(damaged)).toBe(true);
    home.cohorts.doubtDatasets();
    expect((await home.cohorts.buildDataset('boxes', asked)).header).toEqual(header);
    expect(readFileSync(file).equals(whole)).toBe(true);
  });

  it('is built by the chain of a model, where one is given, and found again', async () => {
    await home.cohorts.create({ ...masks, name: 'boxes' });
    const asked = { height: 16, width: 16, channels: 1, folder: home.datasets, signal, onProgress };
    const own = await home.cohorts.buildDataset('boxes', asked);
    const chain = { ...own.header.preprocessing!, spacingMm: 3 };
    const asModel = await home.cohorts.buildDataset('boxes', { ...asked, chain });
    expect(asModel.header.preprocessing).toEqual(chain);
    expect(asModel.file).not.toBe(own.file);
    const again = await home.cohorts.buildDataset('boxes', { ...asked, chain: own.header.preprocessing });
    expect(again.file).toBe(own.file);
    const masksOf = (built: { file: string }): number => {
      const dataset = openDatasetFile(built.file);
      const mask = new Uint8Array(16 * 16);
      let marked = 0;
      for (let example = 0; example < own.header.examples; example += 1) {
        dataset.readMask(example, mask);
        marked += mask.filter((label) => label > 0).length;
      }
      dataset.close();
      return marked;
    };
    // Coarser pixels: fewer of them.
    expect(masksOf(asModel)).toBeLessThan(masksOf(own) / 2);
  });

  it('waits for its turn, and rests for what it worked', async () => {
    await home.cohorts.create({ ...masks, name: 'boxes' });
    let release = (): void => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    let isHeld = true;
    const turns: number[] = [];
    const cohorts = openCohorts({
      folder: path.join(home.folder, 'home'),
      datasets: path.join(home.folder, 'held'),
      library: home.library,
      pseudonymKey: new Uint8Array(32).fill(5),
      rules: {
        threads: () => 1,
        async turn({ workedMs, onWait }) {
          turns.push(workedMs);
          if (isHeld) onWait?.('it is outside the hours');
          await released;
        },
      },
    });
    try {
      const told: { done: number; waitsFor: string | null }[] = [];
      const asked = { height: 512, width: 512, channels: 1, folder: path.join(home.folder, 'held'), signal };
      const building = cohorts.buildDataset('boxes', { ...asked, onProgress: (news) => told.push(news) });
      await expect.poll(() => turns.length).toBe(1);
      expect(told).toEqual([{ done: 0, total: 36, waitsFor: 'it is outside the hours' }]);
      isHeld = false;
      release();
      await building;
      expect(told.at(-1)?.done).toBe(36);
      expect(turns.slice(1).some((workedMs) => workedMs > 0)).toBe(true);
    } finally {
      cohorts.close();
    }
  });

  it('does not take in a patient who is forgotten while it is made', async () => {
    const home = await homeWithVolumes();
    onTestFinished(() => home.close());
    await home.cohorts.create({ ...masks, name: 'before' });
    const held = new Set(home.cohorts.sopInstanceUIDs('before'));
    const patient = [...home.library.selectInstances({ query: '', studyInstanceUIDs: null })].find((instance) =>
      held.has(instance.sopInstanceUID),
    )!;
    let isForgotten = false;
    await home.cohorts.create(
      { ...masks, name: 'meanwhile' },
      {
        onProgress() {
          if (!isForgotten) home.cohorts.forgetPatient(patient.patientKey);
          isForgotten = true;
        },
      },
    );
    expect(home.cohorts.sopInstanceUIDs('meanwhile')).not.toContain(patient.sopInstanceUID);
    expect(home.cohorts.show('meanwhile').patients).toBe(5);
  });
});

describe('a cohort of several labels', () => {
  let home: Home;
  const picture = (index: number): Uint8Array =>
    encode({
      width: 8,
      height: 8,
      channels: 1,
      depth: 8,
      data: Uint8Array.from({ length: 64 }, (_, at) => (at * (index + 3)) % 256),
    });
  const labels = ['effusion', 'effusion|nodule', '|', 'nodule', 'nodule | effusion', 'effusion', 'nodule', '|'];
  const file = (index: number): string => `p${index}.png`;
  const homeWithPictures = async (): Promise<Home> => {
    const made = openHome();
    labels.forEach((_, index) => made.write(file(index), picture(index)));
    await made.importFiles();
    return made;
  };
  beforeAll(async () => {
    home = await homeWithPictures();
  });
  afterAll(() => home.close());
  const csv = (name: string, head: string, lines: readonly string[]): string => {
    const place = path.join(home.folder, name);
    writeFileSync(place, [head, ...lines].join('\n'));
    return place;
  };
  const joined = (): string =>
    csv(
      'joined.csv',
      'file,label',
      labels.map((label, index) => `${file(index)},${label}`),
    );
  const rowOf = (label: string): string => [label.includes('effusion'), label.includes('nodule')].map(Number).join(',');

  it('is the same from labels joined by | and from columns of 0 and 1', async () => {
    const columnsFile = csv(
      'columns.csv',
      'file,effusion,age,nodule',
      labels.map((label, index) => {
        const [effusion, nodule] = rowOf(label).split(',');
        return `${file(index)},${effusion},${40 + index},${nodule}`;
      }),
    );
    const one = await home.cohorts.create({ ...all, name: 'several', task: 'multi-label', labelsFile: joined() });
    expect(one).toMatchObject({ task: 'multi-label', instances: 8, unlabelled: 0 });
    expect(one.classes.map(({ name, instances }) => [name, instances])).toEqual([
      ['effusion', 4],
      ['nodule', 4],
    ]);
    expect(
      await home.cohorts.create({ ...all, name: 'several', task: 'multi-label', labelsFile: columnsFile }),
    ).toEqual(one);
  });

  it('becomes rows of 0 and 1', async () => {
    await home.cohorts.create({ ...all, name: 'several', task: 'multi-label', labelsFile: joined() });
    const { dataset } = await openDataset(home, 'several', { height: 8, width: 8, channels: 1 });
    const found = Array.from({ length: 8 }, (_, example) =>
      String(dataset.labels.subarray(example * 2, example * 2 + 2)),
    );
    expect(found.sort()).toEqual(labels.map(rowOf).sort());
    dataset.close();
  });

  it('says what is wrong: no column of labels, a label that no image has', async () => {
    const create = (labelsFile: string, more: object = {}) =>
      home.cohorts.create({ ...all, name: 'bad', task: 'multi-label', labelsFile, ...more });
    const ages = csv(
      'ages.csv',
      'file,age',
      labels.map((_, index) => `${file(index)},${40 + index}`),
    );
    await expect(create(ages)).rejects.toEqual(expect.objectContaining({ code: 225 }));
    const odd = csv('odd.csv', 'file,effusion,mass', [`${file(0)},1,0`, `${file(1)},0,2`]);
    await expect(create(odd, { labelColumns: ['effusion', 'mass'] })).rejects.toEqual(
      expect.objectContaining({
        code: 256,
        message: expect.stringContaining(
          '“mass” of the labels file holds something else than 0 and 1 (no and yes, false and true, or nothing) in row 3',
        ),
      }),
    );
    const never = csv(
      'never.csv',
      'file,effusion,rare',
      labels.map((label, index) => `${file(index)},${rowOf(label)[0]},0`),
    );
    await expect(create(never)).rejects.toEqual(
      expect.objectContaining({ code: 226, message: expect.stringContaining('“rare”') }),
    );
    await expect(create(never, { labelColumns: ['effusion', 'absent'] })).rejects.toEqual(
      expect.objectContaining({ code: 204 }),
    );
  });

  it('forgets a patient: in its items, in built data sets, and in every later version', async () => {
    const home = await homeWithPictures();
    onTestFinished(() => home.close());
    await home.cohorts.create({ ...all, name: 'several', task: 'multi-label', labelsFile: joined() });
    const shape = { height: 8, width: 8, channels: 1 };
    const before = await openDataset(home, 'several', shape);
    const [patient] = home.library.selectInstances({ query: '', studyInstanceUIDs: null });
    const imagesOf = ({ dataset, image }: { dataset: DatasetFile; image(example: number): Uint16Array }): string[] =>
      Array.from({ length: dataset.header.examples }, (_, example) => String(image(example)));
    const all8 = imagesOf(before);
    before.dataset.close();
    expect(home.cohorts.forgetPatient(patient!.patientKey)).toEqual(['several']);
    expect(home.cohorts.show('several')).toMatchObject({ version: 2, instances: 7, patients: 7 });
    expect(home.cohorts.sopInstanceUIDs('several')).not.toContain(patient!.sopInstanceUID);
    expect(existsSync(before.file)).toBe(false);
    expect(readdirSync(path.join(home.datasets, shardFolder))).toEqual([]);
    const after = await openDataset(home, 'several', shape);
    expect(imagesOf(after).every((image) => all8.includes(image))).toBe(true);
    expect(after.header.examples).toBe(7);
    after.dataset.close();
    const again = await home.cohorts.create({ ...all, name: 'several', task: 'multi-label', labelsFile: joined() });
    expect(again.instances).toBe(7);
  });
});
