// The pixels' road through a run: masks into batches, Dice and cross-entropy, evaluation.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startTrainer, type TrainerProcess } from '../../../src/trainer/client.ts';
import { disks, disksNetwork } from './disks.ts';
import { stripesJob, writeDataset } from './stripes.ts';

vi.setConfig({ testTimeout: 240_000 });

let folder: string;
let trainer: TrainerProcess;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'imagiq-segmentation-'));
  trainer = startTrainer();
});
afterAll(() => {
  trainer.close();
  rmSync(folder, { recursive: true, force: true });
});

it('a U-Net learns to outline disks on noise, by the default loss', async () => {
  const datasetFile = path.join(folder, 'disks.safetensors');
  writeDataset(datasetFile, disks());
  const outcome = await trainer.train(
    stripesJob(
      { runFolder: path.join(folder, 'run'), datasetFile },
      { network: disksNetwork, hyperParameters: { epochs: 12, batchSize: 8 } },
    ),
  );
  expect(outcome.epochs.at(-1)!.loss).toBeLessThan(outcome.epochs[0]!.loss / 3);
  expect(outcome.test?.dice?.value).toBeGreaterThan(0.9);
});

it('a run of masks killed in the middle of an epoch, and again later, ends bit for bit as an unbroken one', async () => {
  const datasetFile = path.join(folder, 'few-disks.safetensors');
  writeDataset(datasetFile, disks(60));
  // Elastic bends, weights of classes and early stopping: all that a resumed run has to repeat.
  const job = (name: string, idleShare = 0) => ({
    ...stripesJob(
      { runFolder: path.join(folder, name), datasetFile },
      { network: disksNetwork, hyperParameters: { epochs: 4, batchSize: 4, loss: 'cross-entropy', patience: 3 } },
    ),
    idleShare,
  });
  const stepsPerEpoch = 10;
  const unbroken = await trainer.train(job('unbroken'));
  expect(unbroken.steps).toBe(4 * stepsPerEpoch);

  let pausedAt = 0;
  const isMidEpoch = (step: number): boolean =>
    step > stepsPerEpoch && step % stepsPerEpoch >= 1 && step % stepsPerEpoch <= 5;
  const killed = trainer.train(job('broken', 0.99), {
    onProgress: ({ state, step }) => {
      if (state === 'training' && isMidEpoch(step)) trainer.pause();
      // The checkpoint of the pause is written; the process gets no chance to tidy up.
      if (state !== 'paused') return;
      pausedAt = step;
      process.kill(trainer.processId!, 'SIGKILL');
    },
  });
  await expect(killed).rejects.toMatchObject({ code: 358 });
  expect(pausedAt % stepsPerEpoch).toBeGreaterThan(0);

  let firstStep = 0;
  const again = trainer.train(job('broken', 0.99), {
    onProgress: ({ step }) => {
      firstStep ||= step;
    },
    onEpoch: ({ epoch }) => {
      if (epoch === 3) setTimeout(() => process.kill(trainer.processId!, 'SIGKILL'), 50);
    },
  });
  await expect(again).rejects.toMatchObject({ code: 358 });
  expect(firstStep).toBe(pausedAt);

  const resumed = await trainer.train(job('broken'));
  expect(readFileSync(resumed.weightsFile).equals(readFileSync(unbroken.weightsFile))).toBe(true);
  expect(resumed.epochs).toEqual(unbroken.epochs);
  expect(resumed.test).toEqual(unbroken.test);
});
