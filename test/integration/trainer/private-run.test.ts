// A run with a privacy promise, in a real trainer process.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { PrivacyMeter, TrainJob, TrainProgress } from '../../../src/contract/training.ts';
import { outcomeOfCheckpoint, privacyLoss, startTrainer, type TrainerProcess } from '../../../src/trainer/client.ts';
import { groupNormTwin } from '../../../src/trainer/privacy/group-norm-twin.ts';
import { stripes, stripesJob, stripesNetwork, writeDataset } from './stripes.ts';

vi.setConfig({ testTimeout: 120_000 });

let folder: string;
let datasetFile: string;
let trainer: TrainerProcess;
let runs = 0;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'imagiq-private-'));
  datasetFile = path.join(folder, 'stripes.safetensors');
  writeDataset(datasetFile, stripes());
  trainer = startTrainer();
});
afterAll(() => {
  trainer.close();
  rmSync(folder, { recursive: true, force: true });
});

const privacy = { noiseMultiplier: 1, clipNorm: 1, delta: 1e-3, maxEpsilon: 100 };

function job({ hyperParameters, ...rest }: Parameters<typeof stripesJob>[1] = {}): TrainJob {
  return stripesJob(
    { runFolder: path.join(folder, `run-${runs++}`), datasetFile },
    {
      network: groupNormTwin(stripesNetwork),
      hyperParameters: { epochs: 3, augment: false, privacy, ...hyperParameters },
      ...rest,
    },
  );
}

it('learns under noise and tells what it has spent, by the accountant of Opacus', async () => {
  const meters: PrivacyMeter[] = [];
  const outcome = await trainer.train(job({ hyperParameters: { epochs: 30, learningRate: 0.02 } }), {
    onProgress: (told) => told.privacy !== null && meters.push(told.privacy),
  });
  // Stripes of 160 images: chance alone is 0.5. The noise is another one each time: after 12 epochs it was above all signal in one run of twelve.
  expect(outcome.test?.accuracy?.value).toBeGreaterThan(0.7);
  expect(outcome.privacy).toMatchObject({ sampleRate: 0.1, noiseMultiplier: 1, steps: 300, budget: 100, delta: 1e-3 });
  const expected = privacyLoss({ sampleRate: 0.1, noiseMultiplier: 1, steps: 300 }, 1e-3);
  expect(outcome.privacy?.epsilon).toBeCloseTo(expected.epsilon, 9);
  expect(meters.at(-1)).toEqual(outcome.privacy);
  expect(meters.map(({ steps }) => steps)).toEqual(meters.map(({ steps }) => steps).toSorted((a, b) => a - b));
});

it('ends before the step that would exceed the budget', async () => {
  const maxEpsilon = 2;
  const outcome = await trainer.train(job({ hyperParameters: { privacy: { ...privacy, maxEpsilon } } }));
  const { steps, epsilon } = outcome.privacy!;
  expect(steps).toBeGreaterThan(0);
  expect(steps).toBeLessThan(30);
  expect(epsilon).toBeLessThanOrEqual(maxEpsilon);
  const oneMore = privacyLoss({ sampleRate: 0.1, noiseMultiplier: 1, steps: steps + 1 }, privacy.delta).epsilon;
  expect(oneMore).toBeGreaterThan(maxEpsilon);
  expect(outcome.stoppedEarly).toBe(false);
  expect(outcome.test).not.toBeNull();
});

it('makes no more steps than the site’s budget still allows, and none at all where it is spent', async () => {
  const outcome = await trainer.train(job({ mostPrivateSteps: 7 }));
  expect(outcome.privacy?.steps).toBe(7);
  // Its only epoch has ten: what is told are the steps made, and it is measured.
  expect(outcome).toMatchObject({ steps: 7, ending: 'budget', epochs: [{ epoch: 1 }] });
  expect(outcome.epochs[0]?.validation).not.toBeNull();
  await expect(trainer.train(job({ mostPrivateSteps: 0 }))).rejects.toMatchObject({ code: 685 });
});

it('never counts too few steps after a kill, also of those that the checkpoint has lost', async () => {
  // Long enough that one of the reports, of one a second, falls into the middle of an epoch.
  const broken = job({ idleShare: 0.95, hyperParameters: { epochs: 20 } });
  let stepsAtKill = 0;
  const killed = trainer.train(broken, {
    onProgress: (told) => {
      const steps = told.privacy?.steps ?? 0;
      // In the middle of an epoch, whose end is where the checkpoint is.
      if (stepsAtKill > 0 || steps < 10 || steps % 10 === 0) return;
      stepsAtKill = steps;
      process.kill(trainer.processId!, 'SIGKILL');
    },
  });
  await expect(killed).rejects.toMatchObject({ code: 358 });
  const meters: PrivacyMeter[] = [];
  const resumed = await trainer.train(
    { ...broken, idleShare: 0 },
    { onProgress: (told) => told.privacy !== null && meters.push(told.privacy) },
  );
  expect(stepsAtKill).toBeGreaterThan(10);
  expect(meters[0]?.steps).toBeGreaterThanOrEqual(stepsAtKill);
  // What was lost is made again and paid for twice.
  expect(resumed.privacy?.steps).toBeGreaterThan(200);
  expect(resumed.stoppedEarly).toBe(false);
});

it('a stopped run counts exactly, and a run whose count was damaged is refused', async () => {
  const broken = job({ idleShare: 0.9, hyperParameters: { epochs: 4 } });
  const abort = new AbortController();
  const stopped = await trainer.train(broken, {
    signal: abort.signal,
    onEpoch: ({ epoch }) => epoch === 1 && abort.abort(),
  });
  expect(stopped.stoppedEarly).toBe(true);
  expect(stopped.privacy?.steps).toBe(stopped.steps);
  const file = path.join(broken.runFolder, 'private-steps.json');
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ version: 1, steps: stopped.steps });
  writeFileSync(file, '{"version":1,"steps":');
  await expect(trainer.train(broken)).rejects.toMatchObject({ code: 686 });
});

it('a run that is stopped after its pause has spent all that its folder counts, whatever was told last', async () => {
  const paused = job({ idleShare: 0.9, hyperParameters: { epochs: 4 } });
  const abort = new AbortController();
  const told: TrainProgress[] = [];
  const { privacy: spent, steps } = await trainer.train(paused, {
    signal: abort.signal,
    onProgress: (progress) => told.push(progress),
    onEpoch: ({ epoch }) => epoch === 1 && abort.abort(),
  });
  expect(spent?.steps).toBe(steps);
  for (const progress of [null, told[0]!]) {
    const { network, engine, hyperParameters, runFolder } = paused;
    const interrupted = { runFolder, network, classes: 2, engine, hyperParameters, progress };
    expect(outcomeOfCheckpoint(interrupted, () => {})).toMatchObject({ steps, privacy: spent });
  }
  // Resumed, it tells of that at once: nothing else may be heard of it.
  const again = new AbortController();
  const heard: TrainProgress[] = [];
  const onProgress = (progress: TrainProgress): void => {
    heard.push(progress);
    again.abort();
  };
  await trainer.train(paused, { signal: again.signal, onProgress });
  expect(heard[0]).toMatchObject({ state: 'preparing', privacy: spent });
});

it('refuses batch norm, and a δ that would allow to give an image away', async () => {
  await expect(trainer.train(job({ network: stripesNetwork }))).rejects.toMatchObject({ code: 682 });
  const tooLarge = job({ hyperParameters: { privacy: { ...privacy, delta: 0.01 } } });
  await expect(trainer.train(tooLarge)).rejects.toMatchObject({ code: 684 });
});
