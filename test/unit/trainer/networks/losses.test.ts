// Every loss, its gradient, clipping and SCAFFOLD's correction on both engines, against formulas written out in double
// precision here. The networks are one matrix, so that the reference needs no backward pass: it takes differences.
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, it } from 'vitest';
import { type Network, networkSchema, type Task } from '../../../../src/contract/network.ts';
import { hyperParametersSchema } from '../../../../src/contract/training.ts';
import { openCompiledSession } from '../../../../src/trainer/engines/compiled/compiled-session.ts';
import type { Batch, NamedTensors, SessionOptions, TrainingSession } from '../../../../src/trainer/engines/engine.ts';
import { openEagerSession } from '../../../../src/trainer/engines/tensorflow/eager-session.ts';
import { resolveNetwork } from '../../../../src/trainer/networks/catalogue.ts';
import { initialWeights } from '../../../../src/trainer/networks/weights.ts';
import { driftCorrection, newControlVariate } from '../../../../src/trainer/networks/scaffold.ts';
import { randomStream, standardNormals } from '../../../../src/trainer/run/random.ts';

const side = 8;
const pixels = side * side;
const channels = 3;
const batchSize = 3;
const classes = 3;
const classWeights = [0.5, 2, 1.5];
/** The last example is padding, the second counts half. */
const exampleWeights = Float32Array.from([1, 0.5, 0]);

function networkFor(task: Task): Network {
  const layers =
    task === 'segmentation'
      ? [{ op: 'conv', id: 'logits', input: 'input', filters: 'classes', kernel: 1 }]
      : [
          { op: 'global-average-pool', id: 'average', input: 'input' },
          { op: 'dense', id: 'logits', input: 'average', units: 'classes' },
        ];
  const input = { height: side, width: side, channels };
  return networkSchema.parse({ name: 'matrix', description: '', task, input, layers, output: 'logits' });
}

function labelsFor(task: Task, count = classes): Batch['labels'] {
  if (task === 'classification') return Int32Array.from([2, 0, 1]);
  if (task === 'multi-label') return Uint8Array.from([1, 0, 1, 0, 0, 1, 1, 1, 0]);
  const random = randomStream(9);
  return Uint8Array.from({ length: batchSize * pixels }, () => (random.uniform() < 0.2 ? 255 : random.below(count)));
}

const images = standardNormals(randomStream(3), batchSize * pixels * channels).map((value) => value * 2);
const firstWeights = (outputs: number): Float32Array =>
  standardNormals(randomStream(4), (channels + 1) * outputs).map((value) => value * 1.5);

/** Rows of logits in double precision: one per example, or per pixel. `weights` are the matrix [channels, outputs], then the bias. */
function logitRows(task: Task, weights: readonly number[], outputs: number): number[][] {
  const rows: number[][] = [];
  const perExample = task === 'segmentation' ? pixels : 1;
  for (let row = 0; row < batchSize * perExample; row += 1) {
    const inputs = Array.from({ length: channels }, (_, channel) => {
      if (task === 'segmentation') return images[row * channels + channel]!;
      let sum = 0;
      for (let pixel = 0; pixel < pixels; pixel += 1) sum += images[(row * pixels + pixel) * channels + channel]!;
      return sum / pixels;
    });
    rows.push(
      Array.from({ length: outputs }, (_, output) =>
        inputs.reduce(
          (sum, value, channel) => sum + value * weights[channel * outputs + output]!,
          weights[channels * outputs + output]!,
        ),
      ),
    );
  }
  return rows;
}

function softmax(row: readonly number[]): number[] {
  const most = Math.max(...row);
  const powers = row.map((value) => Math.exp(value - most));
  const total = powers.reduce((sum, value) => sum + value, 0);
  return powers.map((value) => value / total);
}
const sigmoid = (value: number): number => 1 / (1 + Math.exp(-value));

interface Situation {
  readonly task: Task;
  readonly hyper: { loss: string; labelSmoothing?: number; focalGamma?: number };
  readonly outputs?: number;
  /** The loss of rows of logits. */
  readonly reference: (rows: readonly number[][]) => number;
}

/** Mean weighed by class and example of −Σ target · (1 − p)^γ · log p over rows, each of one label; 255 does not count. */
function weighedEntropy(rows: readonly number[][], labels: Batch['labels'], gamma: number, smoothing: number): number {
  let loss = 0;
  let total = 0;
  for (const [index, row] of rows.entries()) {
    const label = labels[index]!;
    if (label === 255) continue;
    const weight = classWeights[label]! * exampleWeights[Math.floor((index * batchSize) / rows.length)]!;
    total += weight;
    for (const [place, p] of softmax(row).entries()) {
      const target = (place === label ? 1 - smoothing : 0) + smoothing / row.length;
      loss -= weight * target * (1 - p) ** gamma * Math.log(p);
    }
  }
  return loss / total;
}

/** Weighed mean of 1 − (2 Σ p·y + 1) / (Σ p + Σ y + 1) over the classes but the background. */
function diceLoss(rows: readonly number[][], labels: Batch['labels']): number {
  let loss = 0;
  for (const label of [1, 2]) {
    let [common, predicted, real] = [0, 0, 0];
    for (const [index, row] of rows.entries()) {
      if (labels[index] === 255 || exampleWeights[Math.floor(index / pixels)] === 0) continue;
      const p = softmax(row)[label]!;
      predicted += p;
      if (labels[index] !== label) continue;
      common += p;
      real += 1;
    }
    loss +=
      (classWeights[label]! / (classWeights[1]! + classWeights[2]!)) * (1 - (2 * common + 1) / (predicted + real + 1));
  }
  return loss;
}

function labelSetEntropy(rows: readonly number[][], labels: Batch['labels'], gamma: number, smoothing: number): number {
  let loss = 0;
  for (const [example, row] of rows.entries()) {
    for (const [label, logit] of row.entries()) {
      const p = sigmoid(logit);
      const target = labels[example * classes + label]! * (1 - smoothing) + smoothing / 2;
      const positive = -classWeights[label]! * target * (1 - p) ** gamma * Math.log(p);
      const negative = -(1 - target) * p ** gamma * Math.log(1 - p);
      loss += (exampleWeights[example]! * (positive + negative)) / classes;
    }
  }
  return loss / 1.5;
}

const situations: Record<string, Situation> = {
  'cross-entropy of one class': {
    task: 'classification',
    hyper: { loss: 'auto', labelSmoothing: 0.1 },
    reference: (rows) => weighedEntropy(rows, labelsFor('classification'), 0, 0.1),
  },
  'focal loss of one class': {
    task: 'classification',
    hyper: { loss: 'focal', focalGamma: 1.5 },
    reference: (rows) => weighedEntropy(rows, labelsFor('classification'), 1.5, 0),
  },
  'binary cross-entropy of several classes': {
    task: 'multi-label',
    hyper: { loss: 'auto', labelSmoothing: 0.1 },
    reference: (rows) => labelSetEntropy(rows, labelsFor('multi-label'), 0, 0.1),
  },
  'focal loss of several classes': {
    task: 'multi-label',
    hyper: { loss: 'focal', focalGamma: 2 },
    reference: (rows) => labelSetEntropy(rows, labelsFor('multi-label'), 2, 0),
  },
  'Dice and cross-entropy of pixels': {
    task: 'segmentation',
    hyper: { loss: 'auto' },
    reference: (rows) =>
      weighedEntropy(rows, labelsFor('segmentation'), 0, 0) + diceLoss(rows, labelsFor('segmentation')),
  },
  'cross-entropy of pixels': {
    task: 'segmentation',
    hyper: { loss: 'cross-entropy', labelSmoothing: 0.2 },
    reference: (rows) => weighedEntropy(rows, labelsFor('segmentation'), 0, 0.2),
  },
  'focal loss of pixels': {
    task: 'segmentation',
    hyper: { loss: 'focal', focalGamma: 2 },
    reference: (rows) => weighedEntropy(rows, labelsFor('segmentation'), 2, 0),
  },
  'binary cross-entropy of the pixels of one class': {
    task: 'segmentation',
    hyper: { loss: 'binary-cross-entropy' },
    outputs: 1,
    reference(rows) {
      const labels = labelsFor('segmentation', 2);
      let [loss, total] = [0, 0];
      for (const [index, [logit]] of rows.entries()) {
        if (labels[index] === 255) continue;
        const weight = exampleWeights[Math.floor(index / pixels)]!;
        const p = sigmoid(logit!);
        total += weight;
        loss -= weight * (labels[index] === 1 ? classWeights[0]! * Math.log(p) : Math.log(1 - p));
      }
      return loss / total;
    },
  },
};

const engines = {
  compiled: (options: SessionOptions) => openCompiledSession(options, 'cpu', 1),
  'eager TensorFlow.js': (options: SessionOptions) => openEagerSession(options, 'cpu'),
};

/** One step of SGD; the momentum after it is the gradient. */
async function firstStep(
  open: (options: SessionOptions) => Promise<TrainingSession>,
  { task, hyper, outputs = classes }: Situation,
  more: { clipNorm?: number; correction?: NamedTensors } = {},
): Promise<{ loss: number; gradient: number[] }> {
  const { correction, ...rest } = more;
  const session = await open({
    network: networkFor(task),
    classes: outputs,
    batchSize,
    hyperParameters: hyperParametersSchema.parse({ optimiser: 'sgd', ...hyper, ...rest }),
    classWeights: classWeights.slice(0, outputs),
    isCorrected: correction !== undefined,
  });
  const part = task === 'segmentation' ? 'filter' : 'kernel';
  const values = firstWeights(outputs);
  session.setWeights(
    new Map([
      [`logits.${part}`, values.subarray(0, channels * outputs)],
      ['logits.bias', values.subarray(channels * outputs)],
    ]),
  );
  if (correction !== undefined) session.setDriftCorrection(correction);
  const labels = labelsFor(task, Math.max(2, outputs));
  const loss = await session.step({ images: images.slice(), labels, exampleWeights, learningRate: 0.1 });
  const state = session.optimiserState();
  await session.close();
  return { loss, gradient: [...state.get(`momentum/logits.${part}`)!, ...state.get('momentum/logits.bias')!] };
}

function referenceStep({ task, outputs = classes, reference }: Situation): { loss: number; gradient: number[] } {
  const weights = [...firstWeights(outputs)];
  const lossAt = (values: readonly number[]) => reference(logitRows(task, values, outputs));
  const gradient = weights.map((_, index) => {
    const moved = (by: number) => weights.map((value, place) => (place === index ? value + by : value));
    return (lossAt(moved(1e-5)) - lossAt(moved(-1e-5))) / 2e-5;
  });
  return { loss: lossAt(weights), gradient };
}

const normOf = (values: readonly number[]) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
const relativeDistance = (a: readonly number[], b: readonly number[]) =>
  normOf(a.map((value, index) => value - b[index]!)) / normOf(b);

for (const [engine, open] of Object.entries(engines)) {
  describe(`on the ${engine} engine`, () => {
    for (const [what, situation] of Object.entries(situations)) {
      it(`${what}: loss and gradient are those of the formula in double precision`, async () => {
        const found = await firstStep(open, situation);
        const expected = referenceStep(situation);
        expect(Math.abs(found.loss - expected.loss)).toBeLessThan(1e-5 * Math.max(1, expected.loss));
        expect(relativeDistance(found.gradient, expected.gradient)).toBeLessThan(1e-5);
      });
    }

    it('gradients are scaled to the global norm asked for, and left alone below it', async () => {
      const situation = situations['Dice and cross-entropy of pixels']!;
      const { gradient } = referenceStep(situation);
      const norm = normOf(gradient);
      const clipped = await firstStep(open, situation, { clipNorm: norm / 3 });
      expect(
        relativeDistance(
          clipped.gradient,
          gradient.map((value) => value / 3),
        ),
      ).toBeLessThan(1e-5);
      const free = await firstStep(open, situation, { clipNorm: norm * 2 });
      expect(relativeDistance(free.gradient, gradient)).toBeLessThan(1e-5);
    });

    it('the correction of SCAFFOLD is added to the gradients', async () => {
      const situation = situations['cross-entropy of one class']!;
      const { gradient } = referenceStep(situation);
      const variate = (seed: number): NamedTensors =>
        new Map([
          ['logits.kernel', standardNormals(randomStream(seed), channels * classes)],
          ['logits.bias', standardNormals(randomStream(seed + 1), classes)],
        ]);
      const correction = driftCorrection(variate(20), variate(30));
      const flat = [...correction.get('logits.kernel')!, ...correction.get('logits.bias')!];
      const found = await firstStep(open, situation, { correction });
      expect(
        relativeDistance(
          found.gradient,
          gradient.map((value, index) => value + flat[index]!),
        ),
      ).toBeLessThan(1e-5);
    });
  });
}

describe('the new control variate of SCAFFOLD', () => {
  const tensors = (...values: number[]): NamedTensors => new Map([['w', Float32Array.from(values)]]);

  it('is cᵢ − c + (x − y) / (K · η)', () => {
    const found = newControlVariate({
      siteVariate: tensors(1, 2),
      trunkVariate: tensors(0.5, 0.25),
      start: tensors(1, 1),
      end: tensors(0.5, 2),
      learningRateSum: 5 * 0.1,
    });
    expect([...found.get('w')!]).toEqual([1 - 0.5 + 0.5 / 0.5, 2 - 0.25 - 1 / 0.5]);
  });

  it('takes the mean gradient of a run with momentum for what it is', () => {
    const options = { siteVariate: tensors(0), trunkVariate: tensors(0), start: tensors(1), end: tensors(0) };
    const found = newControlVariate({ ...options, learningRateSum: 1, momentum: 0.75 });
    expect(found.get('w')![0]).toBe(0.25);
  });
});

describe('a loss that does not belong to the task', () => {
  it.each([
    ['classification', 'binary-cross-entropy'],
    ['multi-label', 'cross-entropy'],
    ['multi-label', 'dice-cross-entropy'],
    ['classification', 'dice-cross-entropy'],
  ] as const)('is refused before anything is built (%s by %s)', async (task, loss) => {
    const hyperParameters = hyperParametersSchema.parse({ loss });
    const options = { network: networkFor(task), classes, batchSize, hyperParameters, classWeights: null };
    await expect(openCompiledSession(options, 'cpu', 1)).rejects.toMatchObject({ code: 304 });
  });
});

describe('labels that do not fit', () => {
  it.each([
    ['classification', Int32Array.from([0, 1, 3])],
    ['classification', Int32Array.from([0, 1])],
    ['multi-label', Uint8Array.from([0, 1, 2, 0, 0, 0, 0, 0, 0])],
    ['multi-label', Uint8Array.from([0, 1, 1])],
    ['segmentation', new Uint8Array(batchSize * pixels).fill(classes)],
    ['segmentation', new Uint8Array(batchSize)],
  ] as const)('are refused (%s)', async (task, labels) => {
    const hyperParameters = hyperParametersSchema.parse({});
    const options = { network: networkFor(task), classes, batchSize, hyperParameters, classWeights: null };
    const session = await openCompiledSession(options, 'cpu', 1);
    const batch = { images, labels, exampleWeights, learningRate: 0.1 };
    await expect(session.step(batch)).rejects.toMatchObject({ code: 322 });
    await session.close();
  });
});

describe('predictions', () => {
  it.each([
    ['classification', 1],
    ['multi-label', 1],
    ['segmentation', pixels],
  ] as const)('of %s are softmax or sigmoid of the logits, the same on both engines', async (task, rowsPerImage) => {
    const hyperParameters = hyperParametersSchema.parse({});
    const options = { network: networkFor(task), classes, batchSize, hyperParameters, classWeights: null };
    const weights = firstWeights(classes);
    const part = task === 'segmentation' ? 'filter' : 'kernel';
    const expected = logitRows(task, [...weights], classes)
      .slice(0, 2 * rowsPerImage)
      .flatMap((row) => (task === 'multi-label' ? row.map(sigmoid) : softmax(row)));
    for (const open of Object.values(engines)) {
      const session = await open(options);
      session.setWeights(
        new Map([
          [`logits.${part}`, weights.subarray(0, channels * classes)],
          ['logits.bias', weights.subarray(channels * classes)],
        ]),
      );
      const found = await session.predict(images.subarray(0, 2 * pixels * channels), 2);
      expect(found).toHaveLength(2 * rowsPerImage * classes);
      expect(Math.max(...found.map((value, index) => Math.abs(value - expected[index]!)))).toBeLessThan(1e-5);
      await session.close();
    }
  });
});

describe('the bundled networks', () => {
  it.each(['densenet', 'efficientnet', 'unet', 'unet-25d'])('%s compiles and learns a batch', async (name) => {
    const network = resolveNetwork(name);
    const { height, width, channels: depth } = network.input;
    const options = { network, classes: 2, batchSize: 2, classWeights: null };
    const session = await openCompiledSession(
      { ...options, hyperParameters: hyperParametersSchema.parse({ learningRate: 1e-3 }) },
      'cpu',
      1,
    );

    session.setWeights(initialWeights(network, 2, 1));
    const count = network.task === 'segmentation' ? 2 * height * width : 2;
    const batch: Batch = {
      images: standardNormals(randomStream(1), 2 * height * width * depth),
      labels: Uint8Array.from({ length: count }, (_, index) => (index % 16 < 8 && count > 2 ? 0 : index % 2)),
      exampleWeights: new Float32Array(2).fill(1),
      learningRate: 1e-3,
    };
    const losses: number[] = [];
    for (let step = 0; step < 5; step += 1) losses.push(await session.step(batch));
    await session.close();
    expect(losses.at(-1)!).toBeLessThan(losses[0]!);
  });
});
