// Runs of a cohort of several labels, through the station and its real trainer: pictures made here, labels from a CSV.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { encode } from 'fast-png';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Run } from '../../../src/contract/calls.ts';
import { linkStation, type StationLink } from '../../../src/cli/station-link.ts';

const side = 16;
/** Three labels of images of 31 patients: the bytes of a split's labels are no multiple of 4. */
const patients = 31;
const labelNames = ['left', 'right', 'below'];
const labelsOf = (patient: number): string[] => labelNames.filter((_, bit) => ((patient + 1) >> bit) % 2 === 1);

/** Each label is a bright field of its own. */
function picture(patient: number): Uint8Array {
  const labels = labelsOf(patient);
  const data = Uint8Array.from({ length: side * side }, (_, at) => {
    const [row, column] = [Math.floor(at / side), at % side];
    const field = row >= side / 2 ? 'below' : column < side / 2 ? 'left' : 'right';
    return (labels.includes(field) ? 180 : 20) + ((at * 7 + patient * 13) % 40);
  });
  return encode({ width: side, height: side, channels: 1, depth: 8, data });
}

let folder: string;
let station: StationLink;
beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-multi-label-'));
  const pictures = path.join(folder, 'pictures');
  mkdirSync(pictures);
  const lines = Array.from({ length: patients }, (_, patient) => {
    writeFileSync(path.join(pictures, `p${patient}.png`), picture(patient));
    return `p${patient}.png,${labelsOf(patient).join('|') || '|'}`;
  });
  const labelsFile = path.join(folder, 'labels.csv');
  writeFileSync(labelsFile, ['file,label', ...lines].join('\n'));
  station = await linkStation({ home: path.join(folder, 'home'), threads: 1 });
  await station.call('import-paths', { paths: [pictures], mode: 'reference' });
  await station.call('create-cohort', { name: 'fields', task: 'multi-label', labelsFile });
}, 60_000);
afterAll(async () => {
  await station.close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

async function trained(hyperParameters: object): Promise<Run> {
  const ended = new Promise<Run>((resolve) => {
    const stop = station.listen('run-changed', (run) => {
      if (run.state === 'running') return;
      stop();
      resolve(run);
    });
  });
  await station.call('start-run', {
    cohort: 'fields',
    network: 'cnn-small',
    provider: 'cpu',
    seed: 3,
    hyperParameters: { batchSize: 8, augment: false, ...hyperParameters },
  });
  return ended;
}

it('trains a bundled classifier on several labels and measures it by label', async () => {
  const run = await trained({ epochs: 12 });
  expect(run).toMatchObject({ state: 'done', fault: null, outcome: { test: { task: 'multi-label' } } });
  expect(run.epochs.at(-1)!.loss).toBeLessThan(run.epochs[0]!.loss / 2);
  const [model] = (await station.call('models', {})).models;
  expect(model).toMatchObject({ task: 'multi-label', classes: labelNames.toSorted() });
  const { report } = await station.call('evaluate-model', { id: model!.id, cohort: 'fields' });
  expect(report.metrics).toEqual(run.outcome!.test);
}, 120_000);

it('keeps a privacy promise on several labels', async () => {
  const privacy = { noiseMultiplier: 1, clipNorm: 1, delta: 1e-3, maxEpsilon: 20 };
  const run = await trained({ epochs: 1, privacy });
  expect(run).toMatchObject({ state: 'done', fault: null, outcome: { privacy: { budget: 20 } } });
}, 120_000);

it('attacks the gradient of several labels in a leak probe', async () => {
  const probe = await station.call('leak-probe', { cohort: 'fields', network: 'cnn-small', iterations: 3 });
  expect(probe.pairs).toHaveLength(1);
}, 120_000);

it('refuses a network for masks before anything is built', async () => {
  const asked = station.call('start-run', { cohort: 'fields', network: 'unet', hyperParameters: {} });
  await expect(asked).rejects.toMatchObject({ code: 303 });
});
