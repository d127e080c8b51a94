import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, it } from 'vitest';
import { networkSchema, type Network } from '../../../../src/contract/network.ts';
import { hyperParametersSchema } from '../../../../src/contract/training.ts';
import { openCompiledSession } from '../../../../src/trainer/engines/compiled/compiled-session.ts';
import type { Batch, SessionOptions, TrainingSession } from '../../../../src/trainer/engines/engine.ts';
import { openEagerSession } from '../../../../src/trainer/engines/tensorflow/eager-session.ts';
import { initialWeights } from '../../../../src/trainer/networks/weights.ts';
import { randomStream, standardNormals } from '../../../../src/trainer/run/random.ts';

const classes = 3;
const batchSize = 5;

function network(layers: unknown[], output = 'logits'): Network {
  return networkSchema.parse({
    name: 'tiny',
    description: 'for a test',
    input: { height: 12, width: 12, channels: 3 },
    layers,
    output,
  });
}

const head = (input: string) => [
  { op: 'global-average-pool', id: 'average', input },
  { op: 'dense', id: 'logits', input: 'average', units: 'classes' },
];

/** Each network exercises one family of layers. */
const networks: Record<string, Network> = {
  'plain convolutions, batch norm and max pools': network([
    { op: 'conv', id: 'c1', input: 'input', filters: 4, kernel: 3, bias: false },
    { op: 'batch-norm', id: 'n1', input: 'c1' },
    { op: 'relu', id: 'r1', input: 'n1' },
    { op: 'max-pool', id: 'p1', input: 'r1', size: 2, stride: 2 },
    { op: 'conv', id: 'c2', input: 'p1', filters: 6, kernel: 3 },
    { op: 'batch-norm', id: 'n2', input: 'c2' },
    { op: 'relu', id: 'r2', input: 'n2' },
    ...head('r2'),
  ]),
  'residual blocks with strides and overlapping pools': network([
    { op: 'conv', id: 'c1', input: 'input', filters: 4, kernel: 7, stride: 2, padding: 3, bias: false },
    { op: 'batch-norm', id: 'n1', input: 'c1' },
    { op: 'relu', id: 'r1', input: 'n1' },
    { op: 'max-pool', id: 'p1', input: 'r1', size: 3, stride: 2, padding: 1 },
    { op: 'conv', id: 'c2', input: 'p1', filters: 6, kernel: 3, stride: 2, padding: 1, bias: false },
    { op: 'conv', id: 'skip', input: 'p1', filters: 6, kernel: 1, stride: 2, padding: 0, bias: false },
    { op: 'add', id: 'sum', inputs: ['c2', 'skip'] },
    { op: 'relu', id: 'r2', input: 'sum' },
    ...head('r2'),
  ]),
  'depthwise convolutions, gates, swish and group norm': network([
    { op: 'conv', id: 'c1', input: 'input', filters: 8, kernel: 3, stride: 2 },
    { op: 'group-norm', id: 'n1', input: 'c1', groups: 2 },
    { op: 'swish', id: 's1', input: 'n1' },
    { op: 'depthwise-conv', id: 'd1', input: 's1', kernel: 3, stride: 2 },
    { op: 'global-average-pool', id: 'squeeze', input: 'd1' },
    { op: 'dense', id: 'excite', input: 'squeeze', units: 8 },
    { op: 'sigmoid', id: 'gate', input: 'excite' },
    { op: 'multiply', id: 'gated', inputs: ['d1', 'gate'] },
    ...head('gated'),
  ]),
  'instance norm and enlargement': network([
    { op: 'conv', id: 'c1', input: 'input', filters: 4, kernel: 3, stride: 2 },
    { op: 'instance-norm', id: 'n1', input: 'c1' },
    { op: 'relu', id: 'r1', input: 'n1' },
    { op: 'upsample', id: 'up', input: 'r1', factor: 2 },
    { op: 'concat', id: 'both', inputs: ['up', 'input'] },
    { op: 'conv', id: 'c2', input: 'both', filters: 3, kernel: 3 },
    { op: 'swish', id: 's2', input: 'c2' },
    ...head('s2'),
  ]),
  'dense blocks, average pools and transposed convolutions': network([
    { op: 'conv', id: 'c1', input: 'input', filters: 4, kernel: 3 },
    { op: 'average-pool', id: 'p1', input: 'c1', size: 2, stride: 2 },
    { op: 'transposed-conv', id: 'up', input: 'p1', filters: 3, kernel: 2 },
    { op: 'concat', id: 'both', inputs: ['c1', 'up', 'input'] },
    // Without padding: the gradient of TensorFlow.js's CPU backend counts padded values as if they were real.
    { op: 'average-pool', id: 'p2', input: 'both', size: 3, stride: 2 },
    { op: 'dropout', id: 'drop', input: 'p2', rate: 0.3 },
    { op: 'dense', id: 'logits', input: 'drop', units: 'classes' },
  ]),
};

function batchOf(seed: number): Batch {
  const images = standardNormals(randomStream(seed), batchSize * 12 * 12 * 3);
  const labels = Int32Array.from({ length: batchSize }, (_, index) => (index + seed) % classes);
  const exampleWeights = Float32Array.from({ length: batchSize }, (_, index) => (index === batchSize - 1 ? 0 : 1));
  return { images, labels, exampleWeights, learningRate: 0.05 };
}

function optionsFor(definition: Network, hyperParameters: object): SessionOptions {
  return {
    network: definition,
    classes,
    batchSize,
    hyperParameters: hyperParametersSchema.parse(hyperParameters),
    classWeights: [1, 2, 0.5],
    seed: 3,
  };
}

async function losses(session: TrainingSession, definition: Network, steps: number): Promise<number[]> {
  session.setWeights(initialWeights(definition, classes, 11));
  const values: number[] = [];
  for (let step = 0; step < steps; step += 1) values.push(await session.step(batchOf(step)));
  return values;
}

const hyperParameters = {
  sgd: { optimiser: 'sgd', weightDecay: 0.01, proximalStrength: 0.1, labelSmoothing: 0.1 },
  adam: { optimiser: 'adam' },
  adamw: { optimiser: 'adamw', weightDecay: 0.05 },
};

describe('the compiled engine against eager TensorFlow.js', () => {
  for (const [what, definition] of Object.entries(networks)) {
    it(`gives the same losses, weights and predictions for ${what}`, async () => {
      const options = optionsFor(definition, hyperParameters.sgd);
      const compiled = await openCompiledSession(options, 'cpu', 1);
      const eager = await openEagerSession(options, 'cpu');
      const expected = await losses(eager, definition, 4);
      const found = await losses(compiled, definition, 4);
      for (const [step, loss] of found.entries()) expect(loss).toBeCloseTo(expected[step]!, 4);
      const [a, b] = [compiled.weights(), eager.weights()];
      expect([...a.keys()]).toEqual([...b.keys()]);
      const differing = [...a].filter(([name, values]) => !(largestDifference(values, b.get(name)!) < 1e-3));
      expect(differing.map(([name]) => name)).toEqual([]);
      const images = batchOf(9).images;
      const predicted = await compiled.predict(images, batchSize);
      expect(largestDifference(predicted, await eager.predict(images, batchSize))).toBeLessThan(1e-3);
      await compiled.close();
      await eager.close();
    });
  }

  for (const optimiser of ['adam', 'adamw'] as const) {
    it(`updates by ${optimiser} alike`, async () => {
      const definition = Object.values(networks)[0]!;
      const options = optionsFor(definition, hyperParameters[optimiser]);
      const compiled = await openCompiledSession(options, 'cpu', 1);
      const eager = await openEagerSession(options, 'cpu');
      const expected = await losses(eager, definition, 4);
      const found = await losses(compiled, definition, 4);
      for (const [step, loss] of found.entries()) expect(loss).toBeCloseTo(expected[step]!, 3);
      await compiled.close();
      await eager.close();
    });
  }
});

describe('a resumed compiled session', () => {
  it('goes on bit for bit as the unbroken one', async () => {
    const definition = networks['dense blocks, average pools and transposed convolutions']!;
    const options = optionsFor(definition, hyperParameters.adam);
    const whole = await openCompiledSession(options, 'cpu', 1);
    await losses(whole, definition, 3);
    const weights = whole.weights();
    const optimiser = whole.optimiserState();
    const resumed = await openCompiledSession(options, 'cpu', 1);
    resumed.setWeights(weights);
    resumed.setOptimiserState(optimiser);
    expect(await resumed.step(batchOf(7))).toBe(await whole.step(batchOf(7)));
    expect(resumed.weights()).toEqual(whole.weights());
    expect(resumed.optimiserState()).toEqual(whole.optimiserState());
    await whole.close();
    await resumed.close();
  });
});

function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, index) => Math.max(most, Math.abs(value - b[index]!)), 0);
}
