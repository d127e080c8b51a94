// The reference is PyTorch, where both it and the shared reference script are to be had: the same weights, the same data.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import '@tensorflow/tfjs-backend-cpu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Workload, workloadNames } from '../../../src/contract/bench.ts';
import { gradientError, readReferenceRun } from '../../../src/trainer/bench/reference-run.ts';
import { benchTrain, firstGradient, workloads } from '../../../src/trainer/bench/train-workload.ts';
import { openCompiledSession } from '../../../src/trainer/engines/compiled/compiled-session.ts';
import { openEagerSession } from '../../../src/trainer/engines/tensorflow/eager-session.ts';
import { resolveNetwork } from '../../../src/trainer/networks/catalogue.ts';
import { softwareGraphics, softwareGraphicsMissing } from '../../fixtures/software-graphics.ts';

const execute = promisify(execFile);
/** IMAGIQ_SHARED names the folder with the reference script; by default it lies beside the repository. */
const shared = process.env['IMAGIQ_SHARED'] ?? fileURLToPath(new URL('../../../../shared', import.meta.url));
const script = join(shared, 'reference', 'torch_reference.py');
const gradientScript = fileURLToPath(new URL('../../../scripts/bench/torch-gradients.py', import.meta.url));
const workloadEntry = fileURLToPath(new URL('../../../src/trainer/bench/train-workload.ts', import.meta.url));
const python = '/usr/bin/python3';
const timeout = 600_000;

let folder = '';
let missing: string | null = null;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imagiq-pytorch-'));
  if (!existsSync(script)) missing = `there is no ${script} (set IMAGIQ_SHARED)`;
  else
    await execute(python, ['-c', 'import torch']).catch(() => {
      missing = 'PyTorch is not installed (apt-get install python3-torch)';
    });
}, timeout);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Exports a run of PyTorch's to a folder of its own. */
async function exported(workload: Workload, steps: number, batch?: number): Promise<string> {
  const target = join(folder, `${workload}-${steps}-${batch ?? 'whole'}`);
  const flags = [
    '--workload',
    workload,
    '--export',
    target,
    ...(batch === undefined ? [] : ['--batch', String(batch)]),
  ];
  await execute(python, [script, ...flags, '--threads', '1', '--steps', String(steps)]);
  return target;
}

async function float32Error(workload: Workload, target: string, batch?: number): Promise<number> {
  const size = batch === undefined ? [] : ['--batch', String(batch)];
  const flags = [gradientScript, script, '--workload', workload, ...size, '--export', target];
  const { stdout } = await execute(python, flags);
  return z.object({ float32_error: z.number() }).parse(JSON.parse(stdout)).float32_error;
}

/** Prints provider and error of the first gradient of a workload from a folder: its arguments. */
const gradientOnWebgpu = `
import { gradientError, readReferenceRun } from './src/trainer/bench/reference-run.ts';
import { firstGradient, workloads } from './src/trainer/bench/train-workload.ts';
import { openCompiledSession } from './src/trainer/engines/compiled/compiled-session.ts';
import { resolveNetwork } from './src/trainer/networks/catalogue.ts';
const [, workload, from] = process.argv;
const network = resolveNetwork(workloads[workload].network);
const run = readReferenceRun(from, network);
let provider = '';
const open = async (options) => {
  const session = await openCompiledSession(options, 'webgpu', 1);
  provider = session.provider;
  return session;
};
const { gradient } = await firstGradient(workload, run, open);
console.log(JSON.stringify({ provider, error: gradientError(from, network, run.classes, gradient) }));
`;

function skipWithoutSoftwareGraphics(context: { skip(reason: string): never }, workload: Workload): void {
  if (softwareGraphicsMissing !== null) context.skip(softwareGraphicsMissing);
  if (workload !== 'cnn-64' && !process.env['VK_ICD_FILENAMES'])
    context.skip('it takes many minutes in software: set VK_ICD_FILENAMES to the driver');
}

function expectSameLosses(found: readonly number[], expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length);
  for (const [step, loss] of found.entries()) expect(Math.abs(loss - expected[step]!)).toBeLessThan(1e-3);
}

describe('from the weights and on the data of PyTorch', () => {
  for (const workload of ['cnn-64', 'unet-128'] as const) {
    it(`the compiled engine repeats twenty losses of ${workload} within 0.001`, { timeout }, async (context) => {
      if (missing !== null) context.skip(missing);
      const from = await exported(workload, 20);
      const { losses } = await benchTrain({ workload, threads: 1, steps: 20, from });
      const expected = readReferenceRun(from, resolveNetwork(workloads[workload].network)).losses;
      expect(expected).toHaveLength(20);
      expectSameLosses(losses, expected);
    });
  }

  for (const workload of workloadNames) {
    it(
      `the first gradient of ${workload} is as near to double precision as PyTorch's, twice at most`,
      { timeout },
      async (context) => {
        if (missing !== null) context.skip(missing);
        const from = await exported(workload, 1);
        const allowed = 2 * (await float32Error(workload, from));
        const network = resolveNetwork(workloads[workload].network);
        const run = readReferenceRun(from, network);
        const { gradient } = await firstGradient(workload, run, (options) => openCompiledSession(options, 'cpu', 1));
        const error = gradientError(from, network, run.classes, gradient);
        expect(error).toBeLessThanOrEqual(allowed);
      },
    );
  }

  it('eager TensorFlow.js finds the same first gradient', { timeout }, async (context) => {
    if (missing !== null) context.skip(missing);
    const from = await exported('cnn-64', 1, 2);
    const allowed = 2 * (await float32Error('cnn-64', from, 2));
    const network = resolveNetwork('cnn-small');
    const run = readReferenceRun(from, network);
    const { loss, gradient } = await firstGradient('cnn-64', run, (options) => openEagerSession(options, 'cpu'));
    expect(Math.abs(loss - run.losses[0]!)).toBeLessThan(1e-5);
    expect(gradientError(from, network, run.classes, gradient)).toBeLessThanOrEqual(allowed);
  });

  for (const [workload, batch] of [
    ['cnn-64', 2],
    ['unet-128', undefined],
    ['resnet18-128', undefined],
  ] as const) {
    it(`WebGPU in software finds the same first gradient of ${workload}`, { timeout: 3 * timeout }, async (context) => {
      if (missing !== null) context.skip(missing);
      skipWithoutSoftwareGraphics(context, workload);
      const from = await exported(workload, 1, batch);
      const allowed = 2 * (await float32Error(workload, from, batch));
      // In a process of its own: the driver is found by its environment.
      const flags = ['--input-type=module', '--eval', gradientOnWebgpu, workload, from];
      const { stdout } = await execute(process.execPath, flags, {
        cwd: fileURLToPath(new URL('../../../', import.meta.url)),
        env: { ...process.env, ...softwareGraphics },
      });
      const found = z.object({ provider: z.literal('webgpu'), error: z.number() }).parse(JSON.parse(stdout));
      expect(found.error).toBeLessThanOrEqual(allowed);
    });
  }

  for (const [workload, batch] of [
    ['cnn-64', 2],
    ['unet-128', 1],
  ] as const) {
    it(
      `WebGPU in software repeats the losses of ${workload} within 0.001`,
      { timeout: 3 * timeout },
      async (context) => {
        if (missing !== null) context.skip(missing);
        skipWithoutSoftwareGraphics(context, workload);
        const from = await exported(workload, 20, batch);
        const environment = { ...process.env, ...softwareGraphics };
        const flags = [workloadEntry, '--workload', workload, '--steps', '20', '--provider', 'webgpu', '--from', from];
        const { stdout } = await execute(process.execPath, flags, { env: environment });
        const result = z.object({ engine: z.string(), losses: z.array(z.number()) }).parse(JSON.parse(stdout));
        expect(result.engine).toBe('imagiq compiled (webgpu)');
        expectSameLosses(result.losses, readReferenceRun(from, resolveNetwork(workloads[workload].network)).losses);
      },
    );
  }
});
