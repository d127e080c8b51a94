// The book of runs where writing fails. A full disk cannot be had here: a run's folder that vanished fails the same writes;
// the trainer, which would fail with it, is a stand-in that reports what a real one does.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Run } from '../../../../src/contract/calls.ts';
import type { TrainOutcome, TrainProgress } from '../../../../src/contract/training.ts';
import type { Cohorts } from '../../../../src/station/cohorts/cohorts.ts';
import { openBlobStore } from '../../../../src/station/home/blob-store.ts';
import { openAuthor } from '../../../../src/sync/site/author.ts';
import { openModelRegistry } from '../../../../src/station/models/model-registry.ts';
import { openRunBook, type RunBook } from '../../../../src/station/runs/run-book.ts';
import type { TrainerProcess } from '../../../../src/trainer/client.ts';
import { runNotAccessible } from '../../../../src/trainer/faults.ts';
import { openPrivacyLedger } from '../../../../src/station/privacy/privacy-ledger.ts';
import { resolveNetwork } from '../../../../src/trainer/client.ts';

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

function situation(
  train: TrainerProcess['train'],
  network = resolveNetwork,
): { book: RunBook; told: Run[]; folder: string } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-runs-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const told: Run[] = [];
  const cohorts: Pick<Cohorts, 'show' | 'buildDataset'> = {
    show: () => ({ hash: 'newer', classes: [] }) as unknown as ReturnType<Cohorts['show']>,
    buildDataset: async () =>
      ({ file: 'x', header: { ...header, cohortHash: 'trained-on', classes: ['a', 'b'] } }) as unknown as Awaited<
        ReturnType<Cohorts['buildDataset']>
      >,
  };
  const book = openRunBook({
    folder,
    datasets: folder,
    cohorts: cohorts as Cohorts,
    trainer: { train } as TrainerProcess,
    models: openModelRegistry(path.join(folder, 'models'), openBlobStore(path.join(folder, 'blobs')), {
      author: openAuthor(path.join(folder, 'site')),
      siteName: 'Lyon',
    }),
    privacy: openPrivacyLedger(folder, () => null),
    resolveNetwork: network,
    threads: () => 1,
    onChange: (run) => told.push(run),
  });
  return { book, told, folder };
}

const header = {
  task: 'classification',
  height: 8,
  width: 8,
  channels: 1,
  mean: 0.5,
  standardDeviation: 0.2,
} as const;

function outcomeOf(weightsFile: string): TrainOutcome {
  return {
    epochs: [],
    test: null,
    weightsFile,
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
  expect(ended.fault?.message).toContain('ENOENT');
  expect(ended.fault?.message).not.toContain(folder);
  expect(told.filter(({ fault }) => fault !== null)).toHaveLength(1);
});

test('a model names the cohort version that it was trained on, not the newest', async () => {
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
  expect(models.list()).toMatchObject([{ cohortHash: 'trained-on', classes: ['a', 'b'] }]);
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
