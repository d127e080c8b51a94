// The pixels' road through a run: masks into batches, Dice and cross-entropy, evaluation.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startTrainer, type TrainerProcess } from '../../../src/trainer/client.ts';
import { disks, disksNetwork } from './disks.ts';
import { stripesJob, writeDataset } from './stripes.ts';

vi.setConfig({ testTimeout: 120_000 });

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
