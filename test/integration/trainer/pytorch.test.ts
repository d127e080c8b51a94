// The reference is PyTorch, where both it and the shared reference script are to be had.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { benchTrain } from '../../../src/trainer/bench/train-workload.ts';
import { readReferenceRun } from '../../../src/trainer/bench/reference-run.ts';
import { resolveNetwork } from '../../../src/trainer/networks/catalogue.ts';

const execute = promisify(execFile);
/** IMAGIQ_SHARED names the folder with the reference script; by default it lies beside the repository. */
const shared = process.env['IMAGIQ_SHARED'] ?? fileURLToPath(new URL('../../../../shared', import.meta.url));
const script = join(shared, 'reference', 'torch_reference.py');
const python = '/usr/bin/python3';

it('repeats twenty steps of PyTorch from the same weights within 0.001', { timeout: 120_000 }, async (context) => {
  if (!existsSync(script)) context.skip(`there is no ${script} (set IMAGIQ_SHARED)`);
  const hasTorch = await execute(python, ['-c', 'import torch']).then(
    () => true,
    () => false,
  );
  if (!hasTorch) context.skip('PyTorch is not installed (apt-get install python3-torch)');
  const folder = await mkdtemp(join(tmpdir(), 'imagiq-pytorch-'));
  try {
    await execute(python, [script, '--workload', 'cnn-64', '--threads', '1', '--steps', '20', '--export', folder]);
    const expected = readReferenceRun(folder, resolveNetwork('cnn-small')).losses;
    const { losses } = await benchTrain({ workload: 'cnn-64', threads: 1, steps: 20, from: folder });
    expect(expected).toHaveLength(20);
    for (const [step, loss] of losses.entries()) expect(Math.abs(loss - expected[step]!)).toBeLessThan(1e-3);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
