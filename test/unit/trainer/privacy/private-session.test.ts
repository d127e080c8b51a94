import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, it } from 'vitest';
import { networkSchema, type Network } from '../../../../src/contract/network.ts';
import { hyperParametersSchema, type PrivacySettings } from '../../../../src/contract/training.ts';
import { openCompiledSession } from '../../../../src/trainer/engines/compiled/compiled-session.ts';
import type { Batch, PrivateSession, SessionOptions } from '../../../../src/trainer/engines/engine.ts';
import { openEagerSession } from '../../../../src/trainer/engines/tensorflow/eager-session.ts';
import { initialWeights } from '../../../../src/trainer/networks/weights.ts';
import { groupNormTwin } from '../../../../src/trainer/privacy/group-norm-twin.ts';
import { testChance } from '../../../../src/trainer/privacy/noise.ts';
import { randomStream, standardNormals } from '../../../../src/trainer/run/random.ts';

const side = 8;
const classes = 3;
const hidden = 5;
const pixels = side * side;

const perceptron = networkSchema.parse({
  name: 'perceptron',
  description: 'for a test',
  input: { height: side, width: side, channels: 1 },
  layers: [
    { op: 'dense', id: 'first', input: 'input', units: hidden },
    { op: 'sigmoid', id: 'curve', input: 'first' },
    { op: 'dense', id: 'logits', input: 'curve', units: 'classes' },
  ],
  output: 'logits',
});

const convolutional = networkSchema.parse({
  name: 'convolutional',
  description: 'for a test',
  input: { height: side, width: side, channels: 1 },
  layers: [
    { op: 'conv', id: 'c1', input: 'input', filters: 8, kernel: 3, bias: false },
    { op: 'batch-norm', id: 'n1', input: 'c1' },
    { op: 'relu', id: 'r1', input: 'n1' },
    { op: 'max-pool', id: 'p1', input: 'r1', size: 2, stride: 2 },
    { op: 'conv', id: 'c2', input: 'p1', filters: 6, kernel: 3 },
    { op: 'batch-norm', id: 'n2', input: 'c2' },
    { op: 'swish', id: 's2', input: 'n2' },
    { op: 'global-average-pool', id: 'average', input: 's2' },
    { op: 'dense', id: 'logits', input: 'average', units: 'classes' },
  ],
  output: 'logits',
});

const almostSilent = { noiseMultiplier: 1e-9, clipNorm: 1, delta: 1e-5, maxEpsilon: 10 };

/** With less noise than the contract allows, which would hide what is compared. */
function optionsFor(
  network: Network,
  { privacy = null, ...given }: { privacy?: PrivacySettings | null },
  batchSize: number,
): SessionOptions {
  return {
    network,
    classes,
    batchSize,
    hyperParameters: {
      ...hyperParametersSchema.parse({ batchSize, optimiser: 'sgd', momentum: 0, ...given }),
      privacy,
    },
    classWeights: null,
    chance: testChance(5),
  };
}

/** Examples of very different sizes, so that some gradients are clipped and others are not. */
function batchOf(count: number, learningRate = 1): Batch {
  const images = standardNormals(randomStream(count, 3), count * pixels).map(
    (value, place) => value * [0.01, 0.3, 4][Math.floor(place / pixels) % 3]!,
  );
  return {
    images,
    labels: Int32Array.from({ length: count }, (_, index) => index % classes),
    exampleWeights: new Float32Array(count).fill(1),
    learningRate,
  };
}

async function opened(options: SessionOptions, engine: 'compiled' | 'eager'): Promise<PrivateSession> {
  const session = await (engine === 'compiled'
    ? openCompiledSession(options, 'cpu', 1)
    : openEagerSession(options, 'cpu'));
  session.setWeights(initialWeights(options.network, options.classes, 11));
  return session as PrivateSession;
}

/** The gradient of one example of the perceptron, worked out by hand in double precision. */
function gradientInDoubles(weights: ReadonlyMap<string, Float32Array>, image: Float32Array, label: number) {
  const [kernel1, bias1] = [weights.get('first.kernel')!, weights.get('first.bias')!];
  const [kernel2, bias2] = [weights.get('logits.kernel')!, weights.get('logits.bias')!];
  const curve = Array.from(bias1, (bias, unit) => {
    const sum = image.reduce((total, value, place) => total + value * kernel1[place * hidden + unit]!, bias);
    return 1 / (1 + Math.exp(-sum));
  });
  const logits = Array.from(bias2, (bias, c) =>
    curve.reduce((total, value, unit) => total + value * kernel2[unit * classes + c]!, bias),
  );
  const all = logits.reduce((total, logit) => total + Math.exp(logit), 0);
  const ofLogits = logits.map((logit, c) => Math.exp(logit) / all - (c === label ? 1 : 0));
  const ofHidden = curve.map((value, unit) => {
    const back = ofLogits.reduce((total, value, c) => total + value * kernel2[unit * classes + c]!, 0);
    return back * value * (1 - value);
  });
  return new Map([
    ['first.kernel', Array.from(image).flatMap((value) => ofHidden.map((back) => value * back))],
    ['first.bias', ofHidden],
    ['logits.kernel', curve.flatMap((value) => ofLogits.map((back) => value * back))],
    ['logits.bias', ofLogits],
  ]);
}

function lengthOf(gradient: ReadonlyMap<string, readonly number[]>): number {
  return Math.sqrt([...gradient.values()].flat().reduce((total, value) => total + value * value, 0));
}

describe.each(['compiled', 'eager'] as const)('a private step of the %s engine', (engine) => {
  it('sums gradients that are clipped one by one, as double precision does', async () => {
    const count = 6;
    const clipNorm = 1.4;
    const options = optionsFor(perceptron, { privacy: { ...almostSilent, clipNorm } }, count);
    const before = initialWeights(perceptron, classes, 11);
    const batch = batchOf(count);
    const sums = new Map([...before].map(([name, values]) => [name, new Float64Array(values.length)]));
    const lengths: number[] = [];
    for (let index = 0; index < count; index += 1) {
      const image = batch.images.subarray(index * pixels, (index + 1) * pixels);
      const gradient = gradientInDoubles(before, image, batch.labels[index]!);
      const length = lengthOf(gradient);
      lengths.push(length);
      for (const [name, values] of gradient) {
        const sum = sums.get(name)!;
        for (const [place, value] of values.entries()) sum[place]! += value * Math.min(1, clipNorm / length);
      }
    }
    // The test means nothing unless both cases occur.
    expect(lengths.some((length) => length < clipNorm) && lengths.some((length) => length > 2 * clipNorm)).toBe(true);
    const session = await opened(options, engine);
    await session.step(batch);
    for (const [name, after] of session.weights()) {
      const start = before.get(name)!;
      for (const [place, value] of after.entries()) {
        expect((start[place]! - value) * count).toBeCloseTo(sums.get(name)![place]!, 5);
      }
    }
    await session.close();
  });

  it('moves the weights by noise alone where the batch is empty', async () => {
    const noiseMultiplier = 2;
    const clipNorm = 0.5;
    const options = optionsFor(perceptron, { privacy: { ...almostSilent, noiseMultiplier, clipNorm } }, 4);
    const session = await opened(options, engine);
    const before = session.weights();
    expect(await session.step({ ...batchOf(0), learningRate: 1 })).toBe(0);
    const moves = [...session.weights()].flatMap(([name, values]) =>
      Array.from(values, (value, place) => (before.get(name)![place]! - value) * 4),
    );
    const stdDev = Math.sqrt(moves.reduce((total, move) => total + move * move, 0) / moves.length);
    // 343 values: the standard error of a standard deviation is 4 %.
    expect(stdDev / (noiseMultiplier * clipNorm)).toBeGreaterThan(0.85);
    expect(stdDev / (noiseMultiplier * clipNorm)).toBeLessThan(1.15);
    await session.close();
  });

  it('refuses a network with batch norm by the name of its layer, and takes its twin', async () => {
    const privacy = { ...almostSilent, clipNorm: 1 };
    const refused = opened(optionsFor(convolutional, { privacy }, 4), engine);
    await expect(refused).rejects.toThrow(/layer n1 is a batch norm.*convolutional-group-norm/);
    const session = await opened(optionsFor(groupNormTwin(convolutional), { privacy }, 4), engine);
    expect(await session.step(batchOf(4))).toBeGreaterThan(0);
    await session.close();
  });

  it('is told from an ordinary step by its noise only, where no gradient reaches the clipping norm', async () => {
    const network = groupNormTwin(convolutional);
    const session = await opened(optionsFor(network, { privacy: { ...almostSilent, clipNorm: 1_000 } }, 6), engine);
    const ordinary = await openEagerSession(optionsFor(network, {}, 6), 'cpu');
    ordinary.setWeights(initialWeights(network, classes, 11));
    const batch = batchOf(6, 0.1);
    expect(await session.step(batch)).toBeCloseTo(await ordinary.step(batch), 4);
    const expected = ordinary.weights();
    for (const [name, values] of session.weights()) {
      for (const [place, value] of values.entries()) expect(value).toBeCloseTo(expected.get(name)![place]!, 4);
    }
    await session.close();
    await ordinary.close();
  });
});

describe('the two engines', () => {
  it('agree on private steps with the same chance, by every optimiser', async () => {
    for (const optimiser of ['sgd', 'adam', 'adamw']) {
      const hyperParameters = {
        optimiser,
        momentum: 0.9,
        weightDecay: 0.01,
        proximalStrength: 0.1,
        privacy: { noiseMultiplier: 0.5, clipNorm: 0.5, delta: 1e-5, maxEpsilon: 10 },
      };
      const network = groupNormTwin(convolutional);
      const compiled = await opened({ ...optionsFor(network, hyperParameters, 5), chance: testChance(9) }, 'compiled');
      const eager = await opened({ ...optionsFor(network, hyperParameters, 5), chance: testChance(9) }, 'eager');
      for (const count of [5, 0, 3]) {
        const batch = batchOf(count, 0.01);
        expect(await compiled.step(batch)).toBeCloseTo(await eager.step(batch), 4);
      }
      const expected = eager.weights();
      const found = compiled.weights();
      expect([...found.keys()]).toEqual([...expected.keys()]);
      for (const [name, values] of found) {
        for (const [place, value] of values.entries()) expect(value).toBeCloseTo(expected.get(name)![place]!, 3);
      }
      const images = batchOf(7).images;
      const predicted = await compiled.predict(images, 7);
      expect(predicted).toHaveLength(7 * classes);
      const right = await eager.predict(images, 7);
      for (const [place, value] of predicted.entries()) expect(value).toBeCloseTo(right[place]!, 3);
      await compiled.close();
      await eager.close();
    }
  });
});
