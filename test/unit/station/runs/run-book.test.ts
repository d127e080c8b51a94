// The book of runs where writing fails. A full disk cannot be had here: a run's folder that vanished fails the same writes;
// the trainer, which would fail with it, is a stand-in that reports what a real one does.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import type { Run } from '../../../../src/contract/calls.ts';
import type { Cohort } from '../../../../src/contract/cohort.ts';
import type { DatasetHeader } from '../../../../src/contract/dataset.ts';
import { networkSchema } from '../../../../src/contract/network.ts';
import type { Epoch, TrainOrder, TrainOutcome, TrainProgress } from '../../../../src/contract/training.ts';
import type { Cohorts } from '../../../../src/station/cohorts/cohorts.ts';
import { defaultPreprocessing } from '../../../../src/station/cohorts/preprocess.ts';
import { openBlobStore } from '../../../../src/station/home/blob-store.ts';
import { openAuthor } from '../../../../src/sync/site/author.ts';
import { type ModelRegistry, openModelRegistry } from '../../../../src/station/models/model-registry.ts';
import { openRunBook, type RunBook } from '../../../../src/station/runs/run-book.ts';
import type { TrainerProcess } from '../../../../src/trainer/client.ts';
import { metricsOf } from '../../../../src/trainer/client.ts';
import {
  jobStopped,
  notFinite,
  runNotAccessible,
  shardDamaged,
  trainerCrashed,
} from '../../../../src/trainer/faults.ts';
import { openPrivacyLedger } from '../../../../src/station/privacy/privacy-ledger.ts';
import { resolveNetwork, weightSpecifications } from '../../../../src/trainer/client.ts';
import { openRunFolder, type RunPosition } from '../../../../src/trainer/run/checkpoint.ts';
import { readWeightsFile } from '../../../../src/trainer/run/weights-file.ts';

const progress: TrainProgress = {
  epoch: 1,
  epochs: 1,
  step: 1,
  steps: 1,
  loss: 0.5,
  losses: [[1, 0.5]],
  imagesPerSecond: 1,
  secondsLeft: null,
  memoryBytes: 0,
  device: 'cpu',
  dataWaitShare: 0,
  learningRate: 0.001,
  waitsFor: null,
  measured: null,
  privacy: null,
  state: 'training',
};
const request = {
  cohort: 'chest',
  network: 'cnn-small',
  hyperParameters: {},
  engine: 'compiled',
  provider: 'auto',
} as const;

interface Situation {
  readonly book: RunBook;
  readonly told: Run[];
  readonly folder: string;
  readonly models: ModelRegistry;
  readonly calls: unknown[];
  /** What the cohort's images come to now. */
  readonly dataset: { header: Pick<DatasetHeader, 'cohortHash' | 'mean'> };
  /** Busy with another job it begins none; how many it was given. */
  readonly trainer: { isBusy: boolean; orders: number };
}

function situation(
  train: TrainerProcess['train'],
  network = resolveNetwork,
  folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-runs-')),
  onStart: (run: Run) => void = () => {},
): Situation {
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const told: Run[] = [];
  const dataset: Situation['dataset'] = { header };
  const trainer: Situation['trainer'] = { isBusy: false, orders: 0 };
  /** What the cohorts were asked: each build's chain, and doubts. */
  const calls: unknown[] = [];
  const cohorts: Pick<Cohorts, 'show' | 'list' | 'withHash' | 'buildDataset' | 'doubtDatasets'> = {
    list: () => [{ name: 'chest', hash: 'newer', modalities: ['MR'] }] as unknown as Cohort[],
    withHash: (_name, hash) => ({ hash, modalities: ['CT'] }) as unknown as Cohort,
    doubtDatasets: () => calls.push('doubt'),
    show: () =>
      ({
        hash: 'newer',
        task: 'classification',
        classes: header.classes.map((name) => ({ name })),
      }) as unknown as ReturnType<Cohorts['show']>,
    buildDataset: async (_name, { chain, onMend }) => {
      if (calls.at(-1) === 'doubt') onMend?.();
      calls.push(chain);
      const built = { file: dataset.header.cohortHash, header: dataset.header };
      return built as unknown as Awaited<ReturnType<Cohorts['buildDataset']>>;
    },
  };
  const work: TrainerProcess['train'] = async (job, listeners) => {
    trainer.orders += 1;
    if (trainer.isBusy)
      await new Promise((_, reject) => listeners?.signal?.addEventListener('abort', () => reject(jobStopped())));
    // Refuses, as the real one, a folder whose checkpoint is of another data set; else it tells that it prepares.
    openRunFolder(job.runFolder, job.datasetFile, () => {}).read();
    listeners?.onProgress?.({ ...progress, losses: [], state: 'preparing' });
    return train(job, listeners);
  };
  const models = openModelRegistry(path.join(folder, 'models'), openBlobStore(path.join(folder, 'blobs')), {
    author: openAuthor(path.join(folder, 'site')),
    siteName: 'Lyon',
  });
  const book = openRunBook({
    folder,
    datasets: folder,
    cohorts: cohorts as Cohorts,
    trainer: { train: work } as TrainerProcess,
    models,
    privacy: openPrivacyLedger(folder, () => null),
    resolveNetwork: network,
    threads: () => 1,
    onStart,
    onChange: (run) => told.push(run),
  });
  return { book, told, folder, models, calls, dataset, trainer };
}

const header = {
  version: 2,
  task: 'classification',
  classes: ['a', 'b'],
  examples: 1,
  height: 8,
  width: 8,
  channels: 1,
  mean: 0.5,
  standardDeviation: 0.2,
  cohortHash: 'c'.repeat(64),
  preprocessing: defaultPreprocessing('classification', { height: 8, width: 8, channels: 1 }, null),
} as const;

test('a run that cannot be entered in the ledger does not begin, and leaves nothing', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-runs-'));
  const { book } = situation(
    async () => Promise.reject(jobStopped()),
    resolveNetwork,
    folder,
    () => {
      throw new Error('no room for an entry');
    },
  );
  const before = readdirSync(folder);
  expect(() => book.start(request)).toThrow('no room');
  expect(book.list()).toEqual([]);
  expect(readdirSync(folder)).toEqual(before);
});

/** A checkpoint of a run that has made so many steps, as the trainer writes it, with all weights one value. */
function keepCheckpoint(
  { runFolder, network, datasetFile }: TrainOrder,
  steps: number,
  epochs: Epoch[] = [],
  place: Partial<RunPosition> = {},
): void {
  const weights = new Map(
    weightSpecifications(networkSchema.parse(network), header.classes.length).map(({ name, shape }) => [
      name,
      new Float32Array(shape.reduce((product, side) => product * side, 1)).fill(steps),
    ]),
  );
  const counted = { epoch: 0, batch: steps, steps, examples: 1, lossSum: steps, seconds: 1, epochs };
  const position = { ...counted, bestLoss: null, batchSize: 16, outcome: null, ...place };
  const folder = openRunFolder(runFolder, datasetFile, () => {});
  folder.save({ position, weights, optimiser: new Map(), best: epochs.length > 0 ? weights : null });
}

/** A trainer that writes these weights, or a checkpoint where it was stopped, and says what became of it. */
const learns =
  (outcome: Partial<TrainOutcome> = {}, weights = 'weights'): TrainerProcess['train'] =>
  async (job) => {
    if (outcome.stoppedEarly === true && outcome.steps !== 0) keepCheckpoint(job, outcome.steps ?? 1);
    const weightsFile = path.join(job.runFolder, 'weights');
    writeFileSync(weightsFile, weights);
    return { ...outcomeOf(weightsFile), ...outcome };
  };

function outcomeOf(weightsFile: string): TrainOutcome {
  return {
    epochs: [],
    test: null,
    weightsFile,
    controlVariateFile: null,
    examples: 1,
    steps: 1,
    seconds: 1,
    imagesPerSecond: 1,
    engine: 'compiled',
    provider: 'cpu',
    privacy: null,
    stoppedEarly: false,
    ending: 'all-epochs',
    bestEpoch: null,
    batchSize: null,
    operatingPoint: null,
  };
}

test('a run whose record cannot be written goes on, keeps its model, and says so once at its end', async () => {
  const { book, told, folder } = situation(async (job, listeners) => {
    rmSync(job.runFolder, { recursive: true });
    listeners?.onProgress?.(progress);
    listeners?.onEpoch?.({ epoch: 1, loss: 0.5, validation: null });
    const weightsFile = path.join(path.dirname(job.runFolder), 'weights');
    writeFileSync(weightsFile, 'weights');
    return outcomeOf(weightsFile);
  });
  const ended = await book.ended(book.start(request).id);
  expect(ended.state).toBe('done');
  expect(ended.fault?.message).toContain('it does not exist');
  expect(ended.fault?.message).not.toContain(folder);
  expect(told.filter(({ fault }) => fault !== null)).toHaveLength(1);
});

test('a model names the cohort version that it was trained on, and its modalities, not the newest', async () => {
  const registered = situation(async (job) => {
    const weightsFile = path.join(job.runFolder, 'weights');
    writeFileSync(weightsFile, 'weights');
    return outcomeOf(weightsFile);
  });
  await registered.book.ended(registered.book.start(request).id);
  const models = openModelRegistry(
    path.join(registered.folder, 'models'),
    openBlobStore(path.join(registered.folder, 'b')),
    { author: openAuthor(path.join(registered.folder, 'site')), siteName: 'Lyon' },
  );
  expect(models.list()).toMatchObject([{ cohortHash: header.cohortHash, classes: ['a', 'b'], modalities: ['CT'] }]);
});

test('settings that no run of this cohort can have are refused before there is a run', () => {
  const { book } = situation(learns());
  const start = (hyperParameters: Parameters<RunBook['start']>[0]['hyperParameters']) => () =>
    book.start({ ...request, hyperParameters });
  expect(start({ classWeights: { tumour: 2 } })).toThrow('no class “tumour”');
  expect(start({ loss: 'dice-cross-entropy' })).toThrow('is not for classification');
  expect(book.list()).toEqual([]);
});

test('a run that fails at once leaves room for the next', async () => {
  let calls = 0;
  const failingLater: typeof resolveNetwork = (name) => {
    calls += 1;
    if (calls % 2 === 0) throw new Error('gone');
    return resolveNetwork(name);
  };
  const { book } = situation(() => Promise.reject(new Error('never reached')), failingLater);
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const { id } = book.start(request);
    expect((await book.ended(id)).state).toBe('failed');
  }
});

test('closing pauses the live run and waits until it has stopped', async () => {
  const { book } = situation(
    (job, listeners) =>
      new Promise((resolve) =>
        listeners?.signal?.addEventListener('abort', () =>
          setImmediate(() => resolve({ ...outcomeOf(job.runFolder), stoppedEarly: true })),
        ),
      ),
  );
  const { id } = book.start(request);
  await new Promise(setImmediate);
  await book.close();
  expect((await book.ended(id)).state).toBe('paused');
});

/** A run that had learnt something when it was paused, and whose second job ends without an outcome when it is stopped. */
async function resumedRun() {
  let attempts = 0;
  const { book, folder } = situation((job, listeners) => {
    attempts += 1;
    if (attempts === 1) listeners?.onProgress?.(progress);
    return new Promise((resolve, reject) =>
      listeners?.signal?.addEventListener('abort', () => {
        if (attempts > 1) return reject(jobStopped());
        resolve(learns({ stoppedEarly: true, ending: 'stopped', steps: 7 })(job));
      }),
    );
  });
  const { id } = book.start(request);
  await vi.waitFor(() => expect(attempts).toBe(1));
  book.pause(id);
  expect((await book.ended(id)).state).toBe('paused');
  book.resume(id);
  return { book, folder, id, beginsAgain: () => vi.waitFor(() => expect(attempts).toBe(2)) };
}

test('a run that is paused says so when it is to be paused again, and can be stopped', async () => {
  const { book, id } = await crashedRun();
  expect(() => book.pause(id)).toThrow('paused already');
  book.stop(id);
  expect((await book.ended(id)).state).toBe('stopped');
  expect(() => book.pause(id)).toThrow('has ended');
});

test('a resumed run that is stopped before it has begun again becomes the model of what it had learnt', async () => {
  const { book, id, beginsAgain } = await resumedRun();
  expect(book.list()[0]?.progress?.state).toBe('preparing');
  await beginsAgain();
  book.stop(id);
  expect(await book.ended(id)).toMatchObject({ state: 'stopped', outcome: { steps: 7 }, fault: null });
});

/** A run whose trainer died after its checkpoint of step 7; resumed, its second job does not begin before it is stopped. */
async function crashedRun() {
  let attempts = 0;
  const { book, models, folder } = situation((job, listeners) => {
    attempts += 1;
    if (attempts > 1)
      return new Promise((_, reject) => listeners?.signal?.addEventListener('abort', () => reject(jobStopped())));
    keepCheckpoint(job, 7);
    return Promise.reject(trainerCrashed('ended by SIGKILL'));
  });
  const { id } = book.start(request);
  expect(await book.ended(id)).toMatchObject({ state: 'paused', fault: { code: 358 } });
  return { book, models, folder, id, beginsAgain: () => vi.waitFor(() => expect(attempts).toBe(2)) };
}
const learntAtStep7 = { state: 'stopped', outcome: { steps: 7, batchSize: 16 }, fault: null };

test('the model of a run that was stopped says, signed, what was done of what was planned', async () => {
  const { book, models, folder, id } = await crashedRun();
  book.stop(id);
  await book.ended(id);
  const training = { epochs: 0, steps: 7, bestEpoch: null, ending: 'stopped' };
  const [model] = models.list();
  expect(model).toMatchObject({ hyperParameters: { epochs: 10 }, training });
  const { statement } = JSON.parse(readFileSync(path.join(folder, 'models', `${model?.id}.json`), 'utf8'));
  expect(JSON.parse(statement)).toMatchObject({ training });
});

test('a run that crashed becomes the model of its last checkpoint when it is stopped', async () => {
  const { book, models, id } = await crashedRun();
  book.stop(id);
  expect(await book.ended(id)).toMatchObject(learntAtStep7);
  expect(models.list()).toMatchObject([{ network: 'cnn-small', classes: ['a', 'b'] }]);
});

test('a run that crashed, is resumed and stopped before it has begun again becomes that model, too', async () => {
  const { book, models, id, beginsAgain } = await crashedRun();
  book.resume(id);
  await beginsAgain();
  book.stop(id);
  expect(await book.ended(id)).toMatchObject(learntAtStep7);
  expect(models.list()).toHaveLength(1);
});

test('a run of which nobody can say what its promise has spent is ended by a stop, without a model, and says why', async () => {
  const { folder, id } = await crashedRun();
  const record = path.join(folder, id, 'run.json');
  const { request: asked, ...rest } = JSON.parse(readFileSync(record, 'utf8'));
  const privacy = { noiseMultiplier: 1, clipNorm: 1, delta: 1e-5, maxEpsilon: 3 };
  const hyperParameters = { ...asked.hyperParameters, privacy };
  writeFileSync(record, JSON.stringify({ ...rest, request: { ...asked, hyperParameters } }));
  writeFileSync(path.join(folder, id, 'private-steps.json'), 'torn');
  const { book, models } = situation(learns(), resolveNetwork, folder);
  book.stop(id);
  expect(await book.ended(id)).toMatchObject({ state: 'failed', outcome: null, fault: { code: 686 } });
  expect(models.list()).toEqual([]);
  book.delete(id);
  expect(book.list()).toEqual([]);
});

test('a run whose checkpoints are all damaged ends without a model, and advises nothing that cannot be done any more', async () => {
  const { book, models } = situation((job) => {
    keepCheckpoint(job, 7);
    writeFileSync(path.join(job.runFolder, 'checkpoint'), 'torn');
    return Promise.reject(trainerCrashed('ended by SIGKILL'));
  });
  const { id } = book.start(request);
  await book.ended(id);
  book.stop(id);
  const stopped = await book.ended(id);
  expect(stopped).toMatchObject({ state: 'stopped', outcome: null, fault: null });
  expect(stopped.notes.join()).toContain('The newest checkpoint is damaged');
  expect(models.list()).toEqual([]);
});

const validation = metricsOf(Float32Array.of(0.9, 0.1, 0.2, 0.8), Int32Array.of(0, 1), Int32Array.of(0, 1), ['a', 'b']);
const validated: Epoch = { epoch: 1, loss: 0.5, validation };

test('a run that fails for good leaves the model of its best epoch, and says both', async () => {
  const { book, models } = situation((job) => {
    keepCheckpoint(job, 9, [validated]);
    return Promise.reject(notFinite('the loss', 'epoch 2, step 1 of 4'));
  });
  const failed = await book.ended(book.start(request).id);
  expect(failed).toMatchObject({ state: 'failed', fault: { code: 354 }, outcome: { steps: 9, bestEpoch: 1 } });
  expect(failed.notes.join()).toContain('The model of epoch 1');
  expect(models.list()).toHaveLength(1);
});

test('a run that fails for good and whose model cannot be kept says why, and not that it was kept', async () => {
  const { book, folder } = situation((job) => {
    keepCheckpoint(job, 9, [validated]);
    rmSync(path.join(folder, 'models'), { recursive: true });
    return Promise.reject(notFinite('the loss', 'epoch 2, step 1 of 4'));
  });
  const failed = await book.ended(book.start(request).id);
  expect(failed).toMatchObject({ state: 'failed', fault: { code: 354 }, outcome: null });
  expect(failed.notes).toEqual([expect.stringMatching(/^Its best model could not be kept: .*it does not exist/)]);
});

test('a run that fails for good before an epoch was validated leaves no model', async () => {
  const { book, models } = situation((job) => {
    keepCheckpoint(job, 3);
    return Promise.reject(notFinite('the loss', 'epoch 1, step 4 of 4'));
  });
  expect(await book.ended(book.start(request).id)).toMatchObject({ state: 'failed', outcome: null });
  expect(models.list()).toEqual([]);
});

test('a run that was paused, went on and crashed becomes the model of its last checkpoint, not of its pause', async () => {
  let attempts = 0;
  const { book, models } = situation((job, listeners) => {
    attempts += 1;
    if (attempts === 1)
      return new Promise((resolve) =>
        listeners?.signal?.addEventListener('abort', () => resolve(learns({ stoppedEarly: true, steps: 7 })(job))),
      );
    keepCheckpoint(job, 9);
    return Promise.reject(trainerCrashed('ended by SIGKILL'));
  });
  const { id } = book.start(request);
  await vi.waitFor(() => expect(attempts).toBe(1));
  book.pause(id);
  await book.ended(id);
  book.resume(id);
  await book.ended(id);
  book.stop(id);
  expect(await book.ended(id)).toMatchObject({ state: 'stopped', outcome: { steps: 9 } });
  const { weightsFile } = models.get(models.list()[0]!.id);
  const weights = readWeightsFile(weightsFile, weightSpecifications(resolveNetwork('cnn-small'), 2));
  expect([...weights.values()].every((values) => values.every((value) => value === 9))).toBe(true);
});

/** The cohort made anew under its name: other images. */
const newer = { ...header, cohortHash: 'd'.repeat(64), mean: 0.9 };

/** A run that crashed after its first validated epoch, and whose cohort was made anew since. */
async function runOfOlderCohort() {
  const situated = situation((job) => {
    keepCheckpoint(job, 9, [validated]);
    return Promise.reject(trainerCrashed('ended by SIGKILL'));
  });
  const { id } = situated.book.start(request);
  expect((await situated.book.ended(id)).state).toBe('paused');
  situated.dataset.header = newer;
  return { ...situated, id };
}
const trainedOnOlder = [{ cohortHash: header.cohortHash, input: { mean: header.mean } }];

test('a resumed run that is refused, as its cohort was made anew, leaves a model of the images that it was trained on', async () => {
  const { book, models, id } = await runOfOlderCohort();
  book.resume(id);
  expect(await book.ended(id)).toMatchObject({ state: 'failed', fault: { code: 356 }, outcome: { steps: 9 } });
  expect(models.list()).toMatchObject(trainedOnOlder);
});

test('so does one that is stopped before the trainer has looked at it again', async () => {
  const { book, models, trainer, id } = await runOfOlderCohort();
  trainer.isBusy = true;
  book.resume(id);
  await vi.waitFor(() => expect(trainer.orders).toBe(2));
  book.stop(id);
  expect(await book.ended(id)).toMatchObject({ state: 'stopped', outcome: { steps: 9 } });
  expect(models.list()).toMatchObject(trainedOnOlder);
});

test('a run that had no checkpoint when its cohort was made anew is one of the newer images', async () => {
  let attempts = 0;
  const { book, models, dataset } = situation((job) => {
    attempts += 1;
    if (attempts > 1) keepCheckpoint(job, 7);
    return Promise.reject(trainerCrashed('ended by SIGKILL'));
  });
  const { id } = book.start(request);
  await book.ended(id);
  dataset.header = newer;
  book.resume(id);
  await book.ended(id);
  book.stop(id);
  expect(models.list()).toMatchObject([{ cohortHash: newer.cohortHash, input: { mean: newer.mean } }]);
});

test('a run whose newest checkpoint is damaged becomes the model of the one before, and says so', async () => {
  const { book } = situation((job) => {
    keepCheckpoint(job, 7);
    keepCheckpoint(job, 9);
    writeFileSync(path.join(job.runFolder, 'checkpoint'), 'torn');
    return Promise.reject(trainerCrashed('ended by SIGKILL'));
  });
  const { id } = book.start(request);
  await book.ended(id);
  book.stop(id);
  const stopped = await book.ended(id);
  expect(stopped).toMatchObject({ state: 'stopped', outcome: { steps: 7 } });
  expect(stopped.notes.join()).toContain('is damaged');
});

test('a resumed run that is stopped before it has begun again stays paused where its model cannot be kept', async () => {
  const { book, folder, id, beginsAgain } = await resumedRun();
  await beginsAgain();
  rmSync(path.join(folder, 'models'), { recursive: true });
  book.stop(id);
  const stopped = await book.ended(id);
  expect(stopped).toMatchObject({ state: 'paused', outcome: null });
  expect(stopped.fault?.message).toContain('it does not exist');
  mkdirSync(path.join(folder, 'models'));
  book.stop(id);
  expect(await book.ended(id)).toMatchObject({ state: 'stopped', outcome: { steps: 7 } });
});

test('a fault that can be put right leaves a paused run with what to do, and the resumed run forgets it', async () => {
  let attempts = 0;
  const { book } = situation(async (job) => {
    attempts += 1;
    if (attempts === 1) throw runNotAccessible(Object.assign(new Error('no space'), { code: 'ENOSPC' }));
    const weightsFile = path.join(job.runFolder, 'weights');
    writeFileSync(weightsFile, 'weights');
    return outcomeOf(weightsFile);
  });
  const { id } = book.start(request);
  expect(await book.ended(id)).toMatchObject({ state: 'paused', fault: { code: 357 } });
  book.resume(id);
  expect(await book.ended(id)).toMatchObject({ state: 'done', fault: null });
});

test('notes of the trainer are kept with the run', async () => {
  const { book } = situation(async (job, listeners) => {
    listeners?.onNote?.('webgpu failed in step 3');
    const weightsFile = path.join(job.runFolder, 'weights');
    writeFileSync(weightsFile, 'weights');
    return outcomeOf(weightsFile);
  });
  expect((await book.ended(book.start(request).id)).notes).toEqual(['webgpu failed in step 3']);
});

test('a resumed run trains the network that it began with, on images seen as they were, whatever the program brings meanwhile', async () => {
  const orders: TrainOrder[] = [];
  let isFull = true;
  const train: TrainerProcess['train'] = async (job, listeners) => {
    orders.push(job);
    if (isFull) throw runNotAccessible(Object.assign(new Error('no space'), { code: 'ENOSPC' }));
    return learns()(job, listeners);
  };
  const first = situation(train);
  const { id } = first.book.start(request);
  expect((await first.book.ended(id)).state).toBe('paused');
  isFull = false;
  const later = situation(
    train,
    () => {
      throw new Error('this version has no such network');
    },
    first.folder,
  );
  later.book.resume(id);
  expect(await later.book.ended(id)).toMatchObject({ state: 'done', fault: null });
  expect(orders[1]!.network).toEqual(orders[0]!.network);
  expect([...first.calls, ...later.calls]).toEqual([undefined, header.preprocessing]);
});

test('a damaged part of a data set is made anew and the run goes on; damaged again, it waits for whoever sees to the disk', async () => {
  let damages = 1;
  const { book, calls } = situation(async (job, listeners) => {
    damages -= 1;
    if (damages >= 0) throw shardDamaged('its bytes are not those that were written');
    return learns()(job, listeners);
  });
  const ended = await book.ended(book.start(request).id);
  expect(ended).toMatchObject({ state: 'done', fault: null });
  expect(ended.notes).toHaveLength(1);
  expect(calls.filter((call) => call === 'doubt')).toHaveLength(1);
  damages = 2;
  expect(await book.ended(book.start(request).id)).toMatchObject({ state: 'paused', fault: { code: 368 } });
});

test('a run that is stopped before its first step makes no model of its random weights', async () => {
  const { book, models } = situation(learns({ steps: 0, stoppedEarly: true, ending: 'stopped' }));
  const { id } = book.start(request);
  book.stop(id);
  expect(await book.ended(id)).toMatchObject({ state: 'stopped', outcome: null });
  expect(models.list()).toEqual([]);
});

test('what a paused run learnt becomes a model when it is stopped, after a restart too', async () => {
  const paused = situation(
    (job, listeners) =>
      new Promise((resolve) =>
        listeners?.signal?.addEventListener('abort', () =>
          resolve(learns({ stoppedEarly: true, steps: 7, ending: 'stopped' })(job)),
        ),
      ),
  );
  const { id } = paused.book.start(request);
  await new Promise(setImmediate);
  paused.book.pause(id);
  expect((await paused.book.ended(id)).state).toBe('paused');
  expect(paused.models.list()).toEqual([]);
  const { book, models } = situation(learns(), resolveNetwork, paused.folder);
  book.stop(id);
  expect(book.list()[0]).toMatchObject({ state: 'stopped', outcome: { steps: 7 } });
  expect(models.list()).toMatchObject([{ network: 'cnn-small', classes: ['a', 'b'] }]);
});

test('a run that an earlier version paused, too: it kept the data set elsewhere, and counted no steps', async () => {
  const paused = situation((job, listeners) => {
    listeners?.onProgress?.({ ...progress, epochs: 3, steps: 12 });
    keepCheckpoint(job, 9, [], { epoch: 2, batch: 1, steps: null, examples: null, batchSize: null });
    return Promise.reject(trainerCrashed('ended by SIGKILL'));
  });
  const { id } = paused.book.start(request);
  await paused.book.ended(id);
  const file = path.join(paused.folder, id, 'run.json');
  const { header: known, ...record } = z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(file, 'utf8')));
  writeFileSync(file, JSON.stringify({ ...record, learnt: { outcome: {}, header: known } }));
  const { book, models } = situation(learns(), resolveNetwork, paused.folder);
  book.stop(id);
  expect(book.list()[0]).toMatchObject({ state: 'stopped', outcome: { steps: 9 } });
  expect(models.list()).toMatchObject(trainedOnOlder);
});

test('a run goes on from a model: its network, classes, images and weights, and it is named as the parent', async () => {
  const orders: TrainOrder[] = [];
  const starts: string[] = [];
  const { book, models, calls, folder } = situation(async (job, listeners) => {
    orders.push(job);
    const start = job.initialWeightsFile ?? null;
    starts.push(start === null ? 'random' : readFileSync(start, 'utf8'));
    return learns({}, `weights ${orders.length}`)(job, listeners);
  });
  await book.ended(book.start(request).id);
  const [parent] = models.list();
  const next = book.start({ ...request, network: 'resnet18', from: parent!.id });
  expect(next.network).toBe('cnn-small');
  expect((await book.ended(next.id)).state).toBe('done');
  expect(starts).toEqual(['random', 'weights 1']);
  expect(orders[1]!.network).toEqual(orders[0]!.network);
  expect(calls).toEqual([undefined, header.preprocessing]);
  expect(models.list().find(({ id }) => id !== parent!.id)?.parents).toEqual([parent!.id]);
  expect(existsSync(path.join(folder, next.id, 'initial.safetensors'))).toBe(true);
  expect(() => book.start({ ...request, from: 'f'.repeat(16) })).toThrow('There is no model');
});

/** A trainer that trains until it is told to stop. */
const endless: TrainerProcess['train'] = async (job, listeners) => {
  const { signal } = listeners ?? {};
  if (signal?.aborted === false) await new Promise((resolve) => signal.addEventListener('abort', resolve));
  return learns({ stoppedEarly: true, steps: 7, ending: 'stopped' })(job);
};

test('a run that the program left behind says that it was cut off, and forgets it when it is resumed', async () => {
  const died = situation(endless);
  const { id } = died.book.start(request);
  const { book } = situation(learns(), resolveNetwork, died.folder);
  expect(book.list()[0]).toMatchObject({ state: 'paused', fault: { code: 616 } });
  book.resume(id);
  expect(await book.ended(id)).toMatchObject({ state: 'done', fault: null });
  await died.book.close();
});

test('a run under way is neither resumed nor deleted, and says why; one that ended goes with its folder', async () => {
  const { book, folder } = situation(endless);
  const { id } = book.start({ ...request, note: 'two labels' });
  expect(book.list()[0]).toMatchObject({ note: 'two labels' });
  for (const act of [book.resume, book.delete]) expect(() => act(id)).toThrow('under way');
  book.stop(id);
  await book.ended(id);
  expect(() => book.resume(id)).toThrow('has ended');
  book.delete(id);
  expect(book.list()).toEqual([]);
  expect(existsSync(path.join(folder, id))).toBe(false);
});

test('a network of one’s own is trained and kept: the file may be gone when the run is resumed', async () => {
  const orders: TrainOrder[] = [];
  const { book, models, folder } = situation(async (job, listeners) => {
    orders.push(job);
    if (orders.length === 1) throw runNotAccessible(Object.assign(new Error('no space'), { code: 'ENOSPC' }));
    return learns()(job, listeners);
  });
  const file = path.join(folder, 'own.json');
  const own = { ...resolveNetwork('cnn-small'), name: 'own' };
  writeFileSync(file, JSON.stringify(own));
  const { id } = book.start({ ...request, network: '', networkFile: file });
  expect(await book.ended(id)).toMatchObject({ state: 'paused', network: 'own' });
  rmSync(file);
  book.resume(id);
  expect(await book.ended(id)).toMatchObject({ state: 'done' });
  expect(orders.map(({ network }) => network)).toEqual([own, own]);
  expect(models.get(models.list()[0]!.id)).toMatchObject({ definition: own, model: { network: 'own' } });
});

test('a run whose record is damaged is named, refuses to go on, and can be deleted with its checkpoints', async () => {
  const { book, folder } = situation(learns());
  const { id } = book.start(request);
  await book.ended(id);
  await book.close();
  const record = path.join(folder, id, 'run.json');
  const bytes = readFileSync(record);
  writeFileSync(record, bytes.fill(0, 100, 104));
  const again = situation(learns(), resolveNetwork, folder).book;
  expect([again.list(), again.damaged()]).toEqual([[], [id]]);
  expect(() => again.resume(id)).toThrow(expect.objectContaining({ code: 619 }));
  again.delete(id);
  expect(again.damaged()).toEqual([]);
  expect(existsSync(path.join(folder, id))).toBe(false);
});
