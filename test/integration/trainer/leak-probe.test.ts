// The leak probe in a real trainer process: it has to find an image where one leaks, or its silence means nothing.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { networkSchema, type Network } from '../../../src/contract/network.ts';
import { hyperParametersSchema } from '../../../src/contract/training.ts';
import { startTrainer, type TrainerProcess } from '../../../src/trainer/client.ts';
import { stripes, stripesNetwork, writeDataset } from './stripes.ts';
import { randomStream } from '../../../src/trainer/run/random.ts';
import { groupNormTwin } from '../../../src/trainer/privacy/group-norm-twin.ts';

vi.setConfig({ testTimeout: 240_000 });

let folder: string;
let datasetFile: string;
let trainer: TrainerProcess;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'imagiq-leak-'));
  datasetFile = path.join(folder, 'blobs.safetensors');
  writeDataset(datasetFile, blobs());
  trainer = startTrainer();
});
afterAll(() => {
  trainer.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Pictures that differ from each other at a glance: three soft discs each, where no other picture has them. */
function blobs(): ReturnType<typeof stripes> {
  const dataset = stripes({ examples: 120 });
  const side = 16;
  const images = new Uint16Array(120 * side * side);
  const random = randomStream(5);
  for (let example = 0; example < 120; example += 1) {
    const discs = [0, 1, 2].map(() => [side * random.uniform(), side * random.uniform()] as const);
    for (let y = 0; y < side; y += 1) {
      for (let x = 0; x < side; x += 1) {
        let value = 0.15;
        for (const [left, top] of discs) {
          value += 0.8 * Math.exp(-((x - left) ** 2 + (y - top) ** 2) / 8);
        }
        images[(example * side + y) * side + x] = 65_535 * Math.min(1, value);
      }
    }
  }
  const tensor = dataset.tensors.get('images')!;
  dataset.tensors.set('images', { ...tensor, bytes: new Uint8Array(images.buffer) });
  Object.assign(dataset.header, { mean: 0.3, standardDeviation: 0.25 });
  return dataset;
}

/** Convolutions whose output goes to a dense layer pixel by pixel: known to leak (Zhu et al. 2019, arXiv 1906.08935). */
const leaky: Network = networkSchema.parse({
  name: 'leaky',
  description: 'for a test',
  input: { height: 16, width: 16, channels: 1 },
  layers: [
    { op: 'conv', id: 'first', input: 'input', filters: 12, kernel: 5, stride: 2 },
    { op: 'sigmoid', id: 'first-curve', input: 'first' },
    { op: 'conv', id: 'second', input: 'first-curve', filters: 12, kernel: 5 },
    { op: 'sigmoid', id: 'second-curve', input: 'second' },
    { op: 'dense', id: 'logits', input: 'second-curve', units: 'classes' },
  ],
  output: 'logits',
});

const dense: Network = networkSchema.parse({
  ...leaky,
  name: 'dense',
  layers: [
    { op: 'dense', id: 'hidden', input: 'input', units: 8 },
    { op: 'sigmoid', id: 'curve', input: 'hidden' },
    { op: 'dense', id: 'logits', input: 'curve', units: 'classes' },
  ],
});

const hyper = (classWeights: Record<string, number>) => hyperParametersSchema.parse({ classWeights });

const noise = { noiseMultiplier: 1, clipNorm: 1, delta: 1e-4, maxEpsilon: 8 };

it('recovers the image behind the gradient of one image, and says that it is recognised', async () => {
  const probe = await trainer.probeLeak({ datasetFile, network: leaky, iterations: 800, maxSeconds: 120, threads: 1 });
  expect(probe.match).toBeGreaterThan(0.95);
  expect(probe.pairs[0]).toMatchObject({ rank: 1, isRecognised: true });
  expect(probe.isRecognised).toBe(true);
  expect(probe.pairs[0]!.truth).toHaveLength(16 * 16);
});

it('reads the image off a dense first layer exactly', async () => {
  const probe = await trainer.probeLeak({ datasetFile, network: dense, iterations: 5, threads: 1 });
  expect(probe.pairs[0]!.similarity).toBeGreaterThan(0.99);
  expect(probe.isRecognised).toBe(true);
});

it('finds nothing under the noise of a privacy promise, by either way', async () => {
  for (const network of [leaky, dense]) {
    const probe = await trainer.probeLeak({ datasetFile, network, privacy: noise, iterations: 200, threads: 1 });
    expect(probe.isRecognised).toBe(false);
    expect(probe.pairs[0]!.similarity).toBeLessThan(0.3);
  }
});

it('takes the loss and the weights of the classes into the attack, and refuses those of another cohort', async () => {
  const order = { datasetFile, network: dense, iterations: 5, threads: 1, hyperParameters: hyper({ horizontal: 9 }) };
  expect((await trainer.probeLeak(order)).isRecognised).toBe(true);
  await expect(trainer.probeLeak({ ...order, hyperParameters: hyper({ nodule: 2 }) })).rejects.toMatchObject({
    code: 365,
  });
});

it('makes its least tries also where the time is over, and ends when it is told to', async () => {
  const hurried = await trainer.probeLeak({
    datasetFile,
    network: leaky,
    maxSeconds: 1,
    iterations: 20_000,
    threads: 1,
  });
  expect(hurried.iterations).toBeGreaterThanOrEqual(20);
  const controller = new AbortController();
  const order = { datasetFile, network: leaky, iterations: 20_000, maxSeconds: 3_600, threads: 1 };
  const endless = trainer.probeLeak(order, { signal: controller.signal });
  setTimeout(() => controller.abort(), 500);
  await expect(endless).rejects.toMatchObject({ code: 361 });
});

it.each([
  ['the same network', leaky],
  ['one that averages over all places', groupNormTwin(stripesNetwork)],
])('recognises no image of a large batch behind %s', async (_what, network) => {
  const probe = await trainer.probeLeak({ datasetFile, network, batch: 32, iterations: 200, threads: 1 });
  expect(probe.pairs).toHaveLength(32);
  expect(probe.isRecognised).toBe(false);
});
