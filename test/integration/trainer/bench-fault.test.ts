import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { runWorkload } from '../../../src/trainer/bench/run-workload.ts';
import { readReferenceRun } from '../../../src/trainer/bench/reference-run.ts';
import { resolveNetwork } from '../../../src/trainer/networks/catalogue.ts';
import { weightSpecifications } from '../../../src/trainer/networks/weights.ts';

it(
  'a folder without an exported run is answered with a fault that a person can read',
  { timeout: 60_000 },
  async () => {
    const flags = ['--workload', 'cnn-64', '--from', path.join(tmpdir(), 'imagiq-nothing-here')];
    await expect(runWorkload(flags)).rejects.toMatchObject({ code: 367, message: expect.stringContaining('ENOENT') });
  },
);

it('an exported run is repeated with its own learning rate and momentum', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'imagiq-exported-'));
  const network = resolveNetwork('cnn-small');
  const { height, width, channels } = network.input;
  const floats = (name: string, length: number) =>
    writeFileSync(path.join(folder, `${name}.f32`), new Float32Array(length).fill(1));
  const parameters: Record<string, number[]> = {};
  for (const { kind, name, shape } of weightSpecifications(network, 2)) {
    if (kind !== 'trainable') continue;
    const exported =
      shape.length === 4
        ? [shape[3]!, shape[2]!, shape[0]!, shape[1]!]
        : shape.length === 2
          ? shape.toReversed()
          : shape;
    parameters[name] = [...exported];
    floats(
      name,
      exported.reduce((total, size) => total * size, 1),
    );
  }
  floats('x', height * width * channels);
  floats('y', 2);
  const run = { x: [1, channels, height, width], y: [1, 2], parameters, losses: [], lr: 0.25, momentum: 0.5 };
  writeFileSync(path.join(folder, 'run.json'), JSON.stringify(run));
  expect(readReferenceRun(folder, network)).toMatchObject({ learningRate: 0.25, momentum: 0.5 });
  rmSync(folder, { recursive: true });
});
