// One training step: the compiled engine against PyTorch on the same machine, interleaved; and its numbers against double
// precision.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import type { Workload } from '../../src/contract/bench.ts';
import { runWorkload } from '../../src/trainer/bench/run-workload.ts';
import { gradientError, readReferenceRun } from '../../src/trainer/bench/reference-run.ts';
import { benchTrain, firstGradient, workloads as benchWorkloads } from '../../src/trainer/bench/train-workload.ts';
import { openCompiledSession } from '../../src/trainer/engines/compiled/compiled-session.ts';
import { resolveNetwork } from '../../src/trainer/networks/catalogue.ts';
import { lessIsBetter, type Measurement, median, moreIsBetter } from './measurement.ts';

const root = path.resolve(import.meta.dirname, '../..');
const reference = path.join(
  process.env['IMAGIQ_SHARED'] ?? path.join(root, '../shared'),
  'reference/torch_reference.py',
);
const python = '/usr/bin/python3';
const workloads = ['cnn-64', 'resnet18-128', 'unet-128'] as const;
const turns = 3;
const rowSchema = z.object({
  images_per_s: z.number(),
  peak_rss_mb: z.number(),
  ms_per_step: z.number(),
  losses: z.array(z.number()),
  first_step_after_ms: z.number().exactOptional(),
});
type Row = z.infer<typeof rowSchema>;

export async function training(): Promise<Measurement[]> {
  const hasTorch = existsSync(reference) && spawnSync(python, ['-c', 'import torch']).status === 0;
  if (!hasTorch) console.log('PyTorch or its reference script is not here: no ratio.');
  const measurements: Measurement[] = [];
  for (const workload of workloads) {
    for (const threads of [1, 2]) {
      const ours: Row[] = [];
      const torch: Row[] = [];
      try {
        for (let turn = 0; turn < turns; turn += 1) {
          const flags = ['--workload', workload, '--threads', String(threads), '--steps', '20'];
          if (hasTorch) torch.push(read(python, [reference, ...flags]));
          ours.push(rowSchema.parse(await runWorkload(flags)));
        }
      } catch (error) {
        console.log(`${workload} with ${threads} threads was not measured: ${String(error).slice(0, 300)}`);
        continue;
      }
      const middle = (rows: readonly Row[], key: 'images_per_s' | 'peak_rss_mb'): number =>
        median(rows.map((row) => row[key]));
      const peers = (key: 'images_per_s' | 'peak_rss_mb'): Measurement['peers'] =>
        hasTorch ? [{ name: 'PyTorch', value: middle(torch, key) }] : [];
      measurements.push(
        moreIsBetter(
          `${workload}, ${threads} thread${threads > 1 ? 's' : ''}`,
          'images/s',
          middle(ours, 'images_per_s'),
          peers('images_per_s'),
          `median of ${turns} interleaved runs of 20 steps`,
        ),
        lessIsBetter(
          `${workload}, ${threads} thread${threads > 1 ? 's' : ''}: peak memory`,
          'MB',
          middle(ours, 'peak_rss_mb'),
          peers('peak_rss_mb'),
        ),
        lessIsBetter(
          `${workload}, ${threads} thread${threads > 1 ? 's' : ''}: start to first step`,
          'ms',
          median(ours.map((row) => row.first_step_after_ms ?? Number.NaN)),
          [],
        ),
      );
    }
    if (hasTorch) measurements.push(...(await numerics(workload)));
  }
  return measurements;
}

/** The first gradient's error against double precision beside PyTorch's, and the largest difference of twenty losses. */
async function numerics(workload: Workload): Promise<Measurement[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'imagiq-numerics-'));
  try {
    const flags = ['--workload', workload, '--export', folder];
    const torch = read(python, [reference, ...flags, '--steps', '20']);
    const gradients = path.join(import.meta.dirname, 'torch-gradients.py');
    const answer = execFileSync(python, [gradients, reference, ...flags], { encoding: 'utf8' });
    const { float32_error } = z.object({ float32_error: z.number() }).parse(JSON.parse(answer));
    const network = resolveNetwork(benchWorkloads[workload].network);
    const run = readReferenceRun(folder, network);
    const { gradient } = await firstGradient(workload, run, (options) => openCompiledSession(options, 'cpu', 1));
    const { losses } = await benchTrain({ workload, threads: 1, steps: 20, from: folder });
    const differences = losses.map((loss, step) => Math.abs(loss - torch.losses[step]!));
    return [
      lessIsBetter(
        `${workload}: error of the first gradient`,
        'relative L2',
        gradientError(folder, network, run.classes, gradient),
        [{ name: 'PyTorch float32', value: float32_error }],
        'against PyTorch in double precision',
      ),
      lessIsBetter(`${workload}: largest difference of 20 losses from PyTorch's`, 'loss', Math.max(...differences), []),
    ];
  } catch (error) {
    console.log(`${workload}: the numbers were not compared: ${String(error).slice(0, 300)}`);
    return [];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function read(command: string, flags: readonly string[]): Row {
  // The OpenBLAS settings of some machines slow a current PyTorch or numpy down: the peer runs without them.
  const { OPENBLAS_CORETYPE: _core, OPENBLAS_L2_SIZE: _cache, ...environment } = process.env;
  return rowSchema.parse(
    JSON.parse(execFileSync(command, flags, { encoding: 'utf8', env: environment, stdio: ['ignore', 'pipe', 'pipe'] })),
  );
}
