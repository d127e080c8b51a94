// Cohorts and data sets over the real library: practice studies from file to tensor file, and real CTs where there are any.
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shardFolder } from '../../../src/contract/dataset.ts';
import type { ImportReport } from '../../../src/contract/dicom.ts';
import { decodeTensorFile, type TensorFile } from '../../../src/contract/safetensors.ts';
import { splitNames } from '../../../src/contract/training.ts';
import { type Cohorts, openCohorts } from '../../../src/station/cohorts/cohorts.ts';
import { type Library, openLibrary } from '../../../src/station/library/library.ts';
import { practiceClasses, writePracticeStudies } from '../../../src/station/practice/practice-studies.ts';

const pseudonymKey = new Uint8Array(32).fill(3);
const signal = new AbortController().signal;
const onProgress = (): void => {};
const importOptions = { mode: 'reference', onProgress, signal } as const;

/** A home folder with a library and cohorts. */
function openHome(): { folder: string; datasets: string; library: Library; cohorts: Cohorts; close(): void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'imagiq-cohorts-'));
  const library = openLibrary({ folder });
  const datasets = path.join(folder, 'blobs-datasets');
  const cohorts = openCohorts({ folder, datasets, library, pseudonymKey });
  return {
    folder,
    datasets,
    library,
    cohorts,
    close() {
      cohorts.close();
      library.close();
      rmSync(folder, { recursive: true, maxRetries: 5 });
    },
  };
}

/** Files of a data set folder, those in shards among them. */
const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [entry.name] : [],
  );

function int32s({ tensors }: TensorFile, name: string): Int32Array {
  const bytes = new Uint8Array(tensors.get(name)!.bytes);
  return new Int32Array(bytes.buffer);
}

describe('cohorts of practice studies', () => {
  const home = openHome();
  const { folder, library, cohorts } = home;
  const all = { query: '', studyInstanceUIDs: null, labelColumn: null };
  const shape = { height: 32, width: 32, channels: 1, folder: path.join(folder, 'datasets'), signal, onProgress };
  let labelsFile: string;
  let report: ImportReport & { written: number };

  beforeAll(async () => {
    const studies = await writePracticeStudies({ site: 3, folder: path.join(folder, 'studies'), patients: 24 });
    labelsFile = studies.labelsFile;
    report = { written: studies.files, ...(await library.importPaths([studies.folder], importOptions)) };
  });
  afterAll(() => home.close());

  it('begin with studies of which the library refuses none', () => {
    expect(report).toMatchObject({ imported: report.written, refused: 0 });
  });

  it('hold all labelled instances, every split filled', async () => {
    const cohort = await cohorts.create({ ...all, name: 'chest', labelsFile });
    expect(cohort).toMatchObject({ version: 1, unlabelled: 0, modalities: ['CT'], studies: cohort.patients });
    expect(cohort.classes.map(({ name }) => name)).toEqual([...practiceClasses]);
    for (const name of splitNames) expect(cohort.split[name].patients).toBeGreaterThan(0);
    expect(cohorts.show('chest')).toEqual(cohort);
    expect(cohorts.list()).toEqual([cohort]);
  });

  it('stay as they are when nothing changed and get a version when something did, with the test patients kept', async () => {
    const first = await cohorts.create({ ...all, name: 'versions', labelsFile });
    expect(await cohorts.create({ ...all, name: 'versions', labelsFile })).toEqual(first);
    const rows = readFileSync(labelsFile, 'utf8').trim().split('\n');
    const fewer = path.join(folder, 'fewer.csv');
    writeFileSync(fewer, rows.slice(0, -10).join('\n'));
    const second = await cohorts.create({ ...all, name: 'versions', labelsFile: fewer });
    expect(second.version).toBe(2);
    expect(second.hash).not.toBe(first.hash);
    expect(second.unlabelled).toBe(10);
    expect(second.split.test.patients).toBeLessThanOrEqual(first.split.test.patients);
    // What was taken out comes back to where it was.
    expect(await cohorts.create({ ...all, name: 'versions', labelsFile })).toMatchObject({
      version: 3,
      hash: first.hash,
    });
    cohorts.delete('versions');
    expect(() => cohorts.show('versions')).toThrow(expect.objectContaining({ code: 211 }));
  });

  it('choose by a list of studies', async () => {
    const { studies } = library.studies({
      query: '',
      filters: [],
      limit: 10,
      offset: 0,
      sortBy: 'studyDate',
      descending: true,
    });
    const studyInstanceUIDs = studies.map(({ studyInstanceUID }) => studyInstanceUID);
    expect((await cohorts.create({ ...all, name: 'ten', labelsFile, studyInstanceUIDs })).studies).toBe(10);
  });

  it('say what is wrong: no labels, nothing chosen, nothing matched, one class, too few patients', async () => {
    const rows = readFileSync(labelsFile, 'utf8').trim().split('\n');
    const write = (name: string, lines: string[]): string => {
      const file = path.join(folder, name);
      writeFileSync(file, lines.join('\n'));
      return file;
    };
    const create = (more: Partial<Parameters<Cohorts['create']>[0]>) =>
      cohorts.create({ ...all, name: 'bad', labelsFile, ...more });
    const code = (value: number) => expect.objectContaining({ code: value });
    await expect(create({ labelsFile: null })).rejects.toEqual(code(200));
    await expect(create({ query: 'nobodyofthisname' })).rejects.toEqual(code(206));
    await expect(create({ labelsFile: write('other.csv', ['file,label', 'x.dcm,1']) })).rejects.toEqual(code(205));
    const [header = '', first = ''] = rows;
    const [uid = ''] = first.split(',');
    const unclear = write('unclear.csv', [header, `${uid},normal`, `${uid},nodule`]);
    await expect(create({ labelsFile: unclear })).rejects.toEqual(code(217));
    const normal = rows.filter((row) => !/effusion|nodule|pneumothorax/.test(row));
    await expect(create({ labelsFile: write('one.csv', normal) })).rejects.toEqual(code(207));
    const twoPatients = ['patientID,label', 'PRACTICE-KYOTO-P0001,a', 'PRACTICE-KYOTO-P0002,b'];
    await expect(create({ labelsFile: write('two.csv', twoPatients) })).rejects.toEqual(code(208));
    await expect(create({ name: '../x' })).rejects.toEqual(code(215));
    expect(cohorts.list().some(({ name }) => name === 'bad')).toBe(false);
  });

  it('become a data set without identities, where no patient is in two splits', async () => {
    const cohort = await cohorts.create({ ...all, name: 'chest', labelsFile });
    const { file, header, leftOut } = await cohorts.buildDataset('chest', shape);
    expect(leftOut).toBe(0);
    expect(header).toMatchObject({ examples: cohort.instances, height: 32, width: 32, cohortHash: cohort.hash });
    expect(header.mean).toBeGreaterThan(0.1);
    expect(header.standardDeviation).toBeGreaterThan(0.1);
    const bytes = readFileSync(file);
    expect(bytes.includes('PRACTICE')).toBe(false);
    expect(bytes.includes('2.25.')).toBe(false);
    const decoded = decodeTensorFile(bytes);
    const shards = header.shards!.map((shard) => readFileSync(path.join(path.dirname(file), shardFolder, shard.file)));
    expect(shards.some((shard) => shard.includes('PRACTICE') || shard.includes('2.25.'))).toBe(false);
    const shapes = shards.map((shard) => decodeTensorFile(shard).tensors.get('images')!.shape);
    expect(shapes.every((sizes) => String(sizes.slice(1)) === '32,32,1')).toBe(true);
    expect(shapes.reduce((total, [examples = 0]) => total + examples, 0)).toBe(cohort.instances);
    const split = decoded.tensors.get('split')!.bytes;
    const home = new Map<number, number>();
    int32s(decoded, 'patients').forEach((patient, example) => {
      expect(home.get(patient) ?? split[example]).toBe(split[example]);
      home.set(patient, split[example]!);
    });
    expect(home.size).toBe(cohort.patients);
    const labels = int32s(decoded, 'labels');
    cohort.classes.forEach(({ instances }, label) =>
      expect(labels.filter((value) => value === label)).toHaveLength(instances),
    );
  });

  it('are built once for each shape, also by two who ask at the same time', async () => {
    await cohorts.create({ ...all, name: 'chest', labelsFile });
    const small = { ...shape, height: 16, width: 16 };
    let decoded = 0;
    const counting = { ...small, onProgress: () => void (decoded += 1) };
    const [one, two] = await Promise.all([
      cohorts.buildDataset('chest', counting),
      cohorts.buildDataset('chest', counting),
    ]);
    expect(two).toEqual(one);
    expect(decoded).toBe(one.header.examples);
    // A damaged file is written again.
    writeFileSync(one.file, readFileSync(one.file).subarray(0, 100));
    expect(await cohorts.buildDataset('chest', small)).toEqual(one);
  });

  it('leave nothing half-written when a build is stopped', async () => {
    await cohorts.create({ ...all, name: 'chest', labelsFile });
    const stop = new AbortController();
    const stopping = { ...shape, folder: path.join(folder, 'stopped'), signal: stop.signal };
    const build = cohorts.buildDataset('chest', { ...stopping, onProgress: () => stop.abort() });
    await expect(build).rejects.toThrow(/abort/i);
    // Only the note by which it would go on.
    expect(filesIn(stopping.folder)).toEqual([expect.stringMatching(/\.unfinished$/)]);
  });

  it('write labels by class name in a project’s order, and refuse a class that the project has not', async () => {
    const cohort = await cohorts.create({ ...all, name: 'chest', labelsFile });
    const own = await cohorts.buildDataset('chest', shape);
    const projectClasses = ['rare', ...practiceClasses].reverse();
    const ordered = await cohorts.buildDataset('chest', { ...shape, classes: projectClasses });
    expect(ordered.file).not.toBe(own.file);
    expect(ordered.header.classes).toEqual(projectClasses);
    const namesIn = ({ file, header }: typeof own): (string | undefined)[] =>
      [...int32s(decodeTensorFile(readFileSync(file)), 'labels')].map((label) => header.classes[label]);
    expect(namesIn(ordered)).toEqual(namesIn(own));
    const classes = practiceClasses.slice(1);
    const refused = cohorts.buildDataset('chest', { ...shape, classes });
    await expect(refused).rejects.toMatchObject({
      code: 613,
      message: expect.stringContaining(practiceClasses[0] ?? ''),
    });
    expect(cohort.classes).toHaveLength(practiceClasses.length);
  });

  it('take their data set files along when a version or the cohort goes', async () => {
    const own = openHome();
    const studies = await writePracticeStudies({ site: 0, folder: path.join(own.folder, 'studies'), patients: 8 });
    await own.library.importPaths([studies.folder], importOptions);
    await own.cohorts.create({ ...all, name: 'short', labelsFile: studies.labelsFile });
    const first = await own.cohorts.buildDataset('short', { ...shape, folder: own.datasets });
    const rows = readFileSync(studies.labelsFile, 'utf8').trim().split('\n');
    writeFileSync(studies.labelsFile, rows.slice(0, -1).join('\n'));
    await own.cohorts.create({ ...all, name: 'short', labelsFile: studies.labelsFile });
    expect(existsSync(first.file)).toBe(false);
    const second = await own.cohorts.buildDataset('short', { ...shape, folder: own.datasets });
    await own.cohorts.create({ ...all, name: 'same', labelsFile: studies.labelsFile });
    own.cohorts.delete('short');
    expect(existsSync(second.file)).toBe(true);
    own.cohorts.delete('same');
    expect(filesIn(own.datasets)).toEqual([]);
    own.close();
  });

  it('leave out images whose files are gone, and say so', async () => {
    const own = openHome();
    const studies = await writePracticeStudies({ site: 0, folder: path.join(own.folder, 'studies'), patients: 8 });
    await own.library.importPaths([studies.folder], importOptions);
    appendFileSync(studies.labelsFile, '1.2.3,nodule\n');
    const cohort = await own.cohorts.create({ ...all, name: 'gaps', labelsFile: studies.labelsFile });
    expect(cohort.warnings).toContain('1 row of the labels file matches no chosen image.');
    rmSync(path.join(studies.folder, 'P0002', 'CT0001.dcm'));
    const { leftOut, header, warnings } = await own.cohorts.buildDataset('gaps', shape);
    expect({ leftOut, examples: header.examples }).toEqual({ leftOut: 1, examples: cohort.instances - 1 });
    expect(warnings).toHaveLength(1);
    rmSync(studies.folder, { recursive: true });
    const none = own.cohorts.buildDataset('gaps', { ...shape, height: 8, width: 8 });
    await expect(none).rejects.toMatchObject({ code: 214 });
    own.close();
  });
});

describe('cohorts of real CTs', () => {
  const data = path.resolve('../shared/data/siim-ct-contrast');

  it('take labels by file name from another column', async (context) => {
    if (!existsSync(data)) return context.skip('../shared/data/siim-ct-contrast is not here');
    const { library, cohorts, folder, close } = openHome();
    await library.importPaths([data], importOptions);
    const cohort = await cohorts.create({
      name: 'contrast',
      query: '',
      studyInstanceUIDs: null,
      labelsFile: path.join(data, 'labels.csv'),
      labelColumn: 'contrast',
    });
    expect(cohort.classes.map(({ name }) => name)).toEqual(['0', '1']);
    expect(cohort.instances).toBeGreaterThan(40);
    const { header, leftOut } = await cohorts.buildDataset('contrast', {
      height: 64,
      width: 64,
      channels: 1,
      folder,
      signal,
      onProgress,
    });
    expect(header.examples + leftOut).toBe(cohort.instances);
    expect(leftOut).toBe(0);
    close();
  });
});
