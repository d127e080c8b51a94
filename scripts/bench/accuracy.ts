// What the defaults reach on real sets that were kept out of training, and how long it takes: the command line as a person uses it,
// from files to the test split. The small CT set has no bar: five folds by patient, with a confidence interval.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { encode } from 'fast-png';
import { unzipSync } from 'fflate';
import { z } from 'zod';
import { datasetHeaderSchema, splitCodes } from '../../src/contract/dataset.ts';
import { metricsSchema } from '../../src/contract/metrics.ts';
import { hyperParametersSchema } from '../../src/contract/training.ts';
import { decodeTensorFile, encodeTensorFile } from '../../src/contract/safetensors.ts';
import { metricsOf, resolveNetwork, startTrainer } from '../../src/trainer/client.ts';
import { lessIsBetter, type Measurement, moreIsBetter } from './measurement.ts';

const root = path.resolve(import.meta.dirname, '../..');
const data = path.join(process.env['IMAGIQ_SHARED'] ?? path.join(root, '../shared'), 'data');
const cli = path.join(root, 'src/cli/cli.ts');
const folds = 5;
const mostMinutes = 10;
/** Share of a run in which the engine waits for images. */
const mostDataWait = 0.03;

interface RealSet {
  readonly name: string;
  readonly folder: string;
  readonly metric: 'accuracy' | 'dice';
  readonly bar: number;
  readonly network: string;
  readonly importFlags: readonly string[];
  readonly cohortFlags: readonly string[];
}

const realSets: readonly RealSet[] = [
  {
    name: 'six classes of MedNIST',
    folder: 'mednist-2400',
    metric: 'accuracy',
    bar: 0.98,
    network: 'cnn-small',
    importFlags: ['--labels', 'folders'],
    cohortFlags: [],
  },
  {
    name: 'pneumonia',
    folder: 'pneumoniamnist',
    metric: 'accuracy',
    bar: 0.92,
    network: 'cnn-small',
    importFlags: ['--labels', 'folders'],
    cohortFlags: [],
  },
  {
    name: 'hippocampus',
    folder: 'msd-hippocampus-80',
    metric: 'dice',
    bar: 0.82,
    network: 'unet',
    importFlags: [],
    cohortFlags: ['--task', 'segmentation'],
  },
];

const trainedSchema = z.object({ test: metricsSchema });
const runsSchema = z.object({ runs: z.array(z.object({ progress: z.object({ dataWaitShare: z.number() }) })).min(1) });

export async function accuracy(): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  for (const set of realSets) {
    const source = path.join(data, set.folder);
    if (!existsSync(source)) {
      console.log(`no figure: ${set.folder} is not here`);
      continue;
    }
    const figures = await inFolder((folder) => measured(set, source, folder));
    for (const { what, ours } of figures) console.log(`  ${what}: ${ours.toFixed(4)}`);
    measurements.push(...figures);
  }
  const contrast = path.join(data, 'siim-ct-contrast');
  if (existsSync(contrast)) measurements.push(...(await inFolder((folder) => crossValidated(contrast, folder))));
  return measurements;
}

async function inFolder<Result>(use: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-bench-accuracy-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measured(set: RealSet, source: string, folder: string): Promise<Measurement[]> {
  const files = set.folder === 'pneumoniamnist' ? asPictures(source, path.join(folder, 'pictures')) : source;
  const home = path.join(folder, 'home');
  await imagiq(home, 'import', files, ...set.importFlags);
  await imagiq(home, 'cohort', 'create', 'real', ...set.cohortFlags);
  const start = performance.now();
  const told = await imagiq(home, 'train', '--cohort', 'real', '--network', set.network, '--seed', '1');
  const minutes = (performance.now() - start) / 60_000;
  const { test } = trainedSchema.parse(told);
  const { runs } = runsSchema.parse(await imagiq(home, 'runs', 'list'));
  const estimate = test[set.metric];
  if (estimate === null) throw new Error(`${set.name}: no ${set.metric}`);
  const interval = `[${estimate.low.toFixed(3)}, ${estimate.high.toFixed(3)}]`;
  const note = `${set.network}, defaults; ${test.patients} patients in the test split, ${interval}`;
  return [
    moreIsBetter(`${set.name}: ${set.metric}`, 'share', estimate.value, [{ name: 'asked', value: set.bar }], note),
    lessIsBetter(`${set.name}: training`, 'minutes', minutes, [{ name: 'asked', value: mostMinutes }]),
    lessIsBetter(`${set.name}: wait for data`, 'share', runs[0]!.progress.dataWaitShare, [
      { name: 'asked', value: mostDataWait },
    ]),
  ];
}

/** Trains on four fifths of the patients and predicts the fifth, five times; one figure over all predictions. */
async function crossValidated(source: string, folder: string): Promise<Measurement[]> {
  const home = path.join(folder, 'home');
  await imagiq(home, 'import', path.join(source, 'dicom'));
  const labels = path.join(source, 'labels.csv');
  await imagiq(home, 'cohort', 'create', 'contrast', '--labels', labels, '--label-column', 'contrast');
  // Builds the data set; its own split is not used.
  await imagiq(home, 'train', '--cohort', 'contrast', '--epochs', '1', '--seed', '1');
  const datasets = path.join(home, 'blobs', 'datasets');
  const [file] = readdirSync(datasets).filter((name) => name.endsWith('.safetensors'));
  if (file === undefined) throw new Error('no data set was built');
  const whole = decodeTensorFile(readFileSync(path.join(datasets, file)));
  const header = datasetHeaderSchema.parse(JSON.parse(whole.metadata['imagiq'] ?? '{}'));
  const numbers = (tensor: string): Int32Array =>
    new Int32Array(Uint8Array.from(whole.tensors.get(tensor)!.bytes).buffer);
  const patientOf = numbers('patients');
  const labelOf = numbers('labels');
  const foldOf = foldsByPatient(patientOf, labelOf);
  const trainer = startTrainer();
  const probabilities: number[] = [];
  const tested: number[] = [];
  try {
    for (let fold = 0; fold < folds; fold += 1) {
      // The next fold chooses the epoch.
      const split = Uint8Array.from(foldOf, (of) =>
        of === fold ? splitCodes.test : of === (fold + 1) % folds ? splitCodes.validation : splitCodes.train,
      );
      const datasetFile = path.join(datasets, `fold-${fold}.safetensors`);
      const tensors = new Map([...whole.tensors, ['split', { ...whole.tensors.get('split')!, bytes: split }] as const]);
      writeFileSync(datasetFile, encodeTensorFile({ tensors, metadata: whole.metadata }));
      const runFolder = path.join(folder, `run-${fold}`);
      mkdirSync(runFolder);
      const job = { datasetFile, network: resolveNetwork('cnn-small') };
      const outcome = await trainer.train({
        ...job,
        job: 'train',
        runFolder,
        hyperParameters: hyperParametersSchema.parse({}),
        seed: 1,
      });
      const evaluation = await trainer.evaluate({
        ...job,
        job: 'evaluate',
        weightsFile: outcome.weightsFile,
        split: 'test',
      });
      probabilities.push(...evaluation.probabilities);
      foldOf.forEach((of, example) => of === fold && tested.push(example));
    }
  } finally {
    trainer.close();
  }
  const metrics = metricsOf(
    Float32Array.from(probabilities),
    Int32Array.from(tested, (example) => labelOf[example]!),
    Int32Array.from(tested, (example) => patientOf[example]!),
    header.classes,
  );
  return (['accuracy', 'auc'] as const).flatMap((metric) => {
    const estimate = metrics[metric];
    if (estimate === null) return [];
    const note = `cnn-small, defaults; ${metrics.patients} patients, [${estimate.low.toFixed(3)}, ${estimate.high.toFixed(3)}]`;
    return moreIsBetter(`CT contrast, ${folds} folds by patient: ${metric}`, 'share', estimate.value, [], note);
  });
}

/** A fold for each example: patients of each label dealt out in turn, in the order of their numbers. */
function foldsByPatient(patients: Int32Array, labels: Int32Array): number[] {
  const foldOf = new Map<number, number>();
  const dealt = new Map<number, number>();
  patients.forEach((patient, example) => {
    if (foldOf.has(patient)) return;
    const label = labels[example]!;
    const count = dealt.get(label) ?? 0;
    dealt.set(label, count + 1);
    foldOf.set(patient, count % folds);
  });
  return [...patients].map((patient) => foldOf.get(patient)!);
}

/** The arrays of the archive as grey pictures, one folder for each class. */
function asPictures(source: string, folder: string): string {
  const [archive] = readdirSync(source).filter((name) => name.endsWith('.npz'));
  if (archive === undefined) throw new Error('no .npz');
  const entries = unzipSync(readFileSync(path.join(source, archive)));
  for (const part of ['train', 'val']) {
    const images = npyBytes(entries[`${part}_images.npy`]!);
    const labels = npyBytes(entries[`${part}_labels.npy`]!);
    const side = 28;
    labels.forEach((label, index) => {
      const within = path.join(folder, label === 1 ? 'pneumonia' : 'normal');
      mkdirSync(within, { recursive: true });
      const pixels = images.slice(index * side * side, (index + 1) * side * side);
      const picture = encode({ width: side, height: side, data: pixels, channels: 1, depth: 8 });
      writeFileSync(path.join(within, `${part}-${index}.png`), picture);
    });
  }
  return folder;
}

/** The values of a version 1 .npy file of bytes, behind its header. */
function npyBytes(file: Uint8Array): Uint8Array {
  return file.subarray(10 + file[8]! + 256 * file[9]!);
}

/** Runs a command of the product and returns its JSON document. */
async function imagiq(home: string, ...words: readonly string[]): Promise<unknown> {
  const child = spawn(process.execPath, [cli, '--home', home, '--json', ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  let said = '';
  child.stdout.on('data', (text: Buffer) => (printed += String(text)));
  child.stderr.on('data', (text: Buffer) => (said = `${said}${String(text)}`.slice(-2_000)));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`imagiq ${words.join(' ')} ended with ${code}: ${printed}${said}`);
  return JSON.parse(printed);
}
