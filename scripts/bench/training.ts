// One training step: the compiled engine against PyTorch on the same machine, interleaved.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { lessIsBetter, type Measurement, median, moreIsBetter } from './measurement.ts';

const root = path.resolve(import.meta.dirname, '../..');
const reference = path.join(
  process.env['IMAGIQ_SHARED'] ?? path.join(root, '../shared'),
  'reference/torch_reference.py',
);
const python = '/usr/bin/python3';
const workloads = ['cnn-64', 'resnet18-128'] as const;
const turns = 3;
const rowSchema = z.object({ images_per_s: z.number(), peak_rss_mb: z.number(), ms_per_step: z.number() });
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
          ours.push(read(process.execPath, [path.join(root, 'src/trainer/bench/train-workload.ts'), ...flags]));
        }
      } catch (error) {
        console.log(`${workload} with ${threads} threads was not measured: ${String(error).slice(0, 300)}`);
        continue;
      }
      const middle = (rows: readonly Row[], key: keyof Row): number => median(rows.map((row) => row[key]));
      const peers = (key: keyof Row): Measurement['peers'] =>
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
      );
    }
  }
  return measurements;
}

function read(command: string, flags: readonly string[]): Row {
  // The OpenBLAS settings of some machines slow a current PyTorch or numpy down: the peer runs without them.
  const { OPENBLAS_CORETYPE: _core, OPENBLAS_L2_SIZE: _cache, ...environment } = process.env;
  return rowSchema.parse(
    JSON.parse(execFileSync(command, flags, { encoding: 'utf8', env: environment, stdio: ['ignore', 'pipe', 'pipe'] })),
  );
}
