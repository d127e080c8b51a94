// What a training step takes besides its state, prepared on the host: the same for every engine.
import { randomStream } from '../run/random.ts';
import { biasCorrections } from '../networks/optimisers.ts';
import { valueCount } from '../networks/plan.ts';
import { notLabelled } from '../../contract/dataset.ts';
import { lossOf } from '../networks/loss-of.ts';
import { stepNames, type TrainingProgram } from '../networks/training-program.ts';
import type { Batch, SessionOptions } from './engine.ts';
import { batchMisshapen } from './faults.ts';

/** Fills the step's inputs into arrays of its own, which are used again for the next step. */
export class StepInputs {
  readonly #options: SessionOptions;
  readonly #program: TrainingProgram;
  readonly #arrays: ReadonlyMap<string, Float32Array>;

  constructor(program: TrainingProgram, options: SessionOptions) {
    const given = new Set([...program.state, ...program.centre, ...program.corrections].map(({ name }) => name));
    const own = program.inputs.filter(({ name }) => !given.has(name) && name !== stepNames.images);
    this.#options = options;
    this.#program = program;
    this.#arrays = new Map(own.map(({ name, shape }) => [name, new Float32Array(valueCount(shape))]));
  }

  /** The inputs by name for the step with this number, counted from 1. @throws Fault 322 */
  of(batch: Batch, step: number): ReadonlyMap<string, Float32Array> {
    const images = this.#withoutPadding(batch);
    this.#fillTargets(batch);
    this.#arrays.get(stepNames.learningRate)![0] = batch.learningRate;
    const { first, second } = biasCorrections(step);
    this.#arrays.get(stepNames.firstCorrection)?.fill(first);
    this.#arrays.get(stepNames.secondCorrection)?.fill(second);
    for (const [index, { name, rate }] of this.#program.masks.entries()) {
      const random = randomStream(this.#options.seed ?? 0, step, index, 0x6d61736b);
      const mask = this.#arrays.get(name)!;
      for (let place = 0; place < mask.length; place += 1) mask[place] = random.uniform() < rate ? 0 : 1 / (1 - rate);
    }
    return new Map([...this.#arrays, [stepNames.images, images]]);
  }

  /**
   * The images with padding (weight 0) replaced by real ones of the batch, in turn: zeros would shift the statistics of
   * batch norm, repetitions hardly do.
   */
  #withoutPadding({ images, exampleWeights }: Batch): Float32Array {
    const { batchSize, network } = this.#options;
    const size = network.input.height * network.input.width * network.input.channels;
    if (images.length !== batchSize * size) throw batchMisshapen('the images', images.length, batchSize * size);
    if (exampleWeights.length !== batchSize) throw batchMisshapen('the weights', exampleWeights.length, batchSize);
    const real = [...exampleWeights.keys()].filter((index) => exampleWeights[index] !== 0);
    if (real.length === batchSize || real.length === 0) return images;
    const filled = images.slice();
    let next = 0;
    for (const [index, weight] of exampleWeights.entries()) {
      if (weight !== 0) continue;
      const source = real[next % real.length]! * size;
      filled.copyWithin(index * size, source, source + size);
      next += 1;
    }
    return filled;
  }

  #fillTargets(batch: Batch): void {
    switch (this.#options.network.task) {
      case 'classification':
        return this.#fillClasses(batch);
      case 'multi-label':
        return this.#fillLabelSets(batch);
      case 'segmentation':
        return this.#fillPixels(batch);
    }
  }

  #fillClasses({ labels, exampleWeights }: Batch): void {
    const { batchSize, classes, classWeights, hyperParameters } = this.#options;
    if (labels.length !== batchSize) throw batchMisshapen('the list of labels', labels.length, batchSize);
    const smoothing = hyperParameters.labelSmoothing;
    const targets = this.#arrays.get(stepNames.targets)!.fill(smoothing / classes);
    for (const [index, label] of labels.entries()) {
      if (label < 0 || label >= classes) throw batchMisshapen('a label', label, classes);
      targets[index * classes + label]! += 1 - smoothing;
    }
    // Example weight × class weight, as a share of their sum, as PyTorch's weighted mean.
    const weights = Array.from(exampleWeights, (weight, index) => weight * (classWeights?.[labels[index]!] ?? 1));
    this.#fillShares(
      weights,
      weights.reduce((sum, weight) => sum + weight, 0),
    );
  }

  #fillLabelSets({ labels, exampleWeights }: Batch): void {
    const { batchSize, classes, hyperParameters } = this.#options;
    if (labels.length !== batchSize * classes)
      throw batchMisshapen('the list of labels', labels.length, batchSize * classes);
    const smoothing = hyperParameters.labelSmoothing;
    const targets = this.#arrays.get(stepNames.targets)!;
    for (const [index, label] of labels.entries()) {
      if (label > 1 || label < 0) throw batchMisshapen('a label', label, 2);
      targets[index] = label * (1 - smoothing) + smoothing / 2;
    }
    this.#fillClassWeights();
    this.#fillShares(
      [...exampleWeights],
      exampleWeights.reduce((sum, weight) => sum + weight, 0),
    );
  }

  /** Each pixel weighs as its example times its class, in the whole batch; those not labelled weigh nothing. */
  #fillPixels({ labels, exampleWeights }: Batch): void {
    const { batchSize, classes, classWeights, network, hyperParameters } = this.#options;
    const pixels = network.input.height * network.input.width;
    if (labels.length !== batchSize * pixels) throw batchMisshapen('the masks', labels.length, batchSize * pixels);
    const values = this.#arrays.get(stepNames.pixelLabels)!;
    const known = Math.max(2, classes);
    const counts = new Float64Array(known);
    for (let example = 0; example < batchSize; example += 1) {
      const weight = exampleWeights[example]!;
      for (let place = example * pixels; place < (example + 1) * pixels; place += 1) {
        const label = labels[place]!;
        values[place] = label;
        if (label === notLabelled) continue;
        if (label >= known || label < 0) throw batchMisshapen('a mask', label, known);
        counts[label]! += weight;
      }
    }
    const byClass = lossOf(network.task, hyperParameters.loss) !== 'binary-cross-entropy';
    const total = counts.reduce((sum, count, label) => sum + count * (byClass ? (classWeights?.[label] ?? 1) : 1), 0);
    this.#fillClassWeights();
    this.#fillShares([...exampleWeights], total);
  }

  #fillClassWeights(): void {
    const { classes, classWeights } = this.#options;
    const values = this.#arrays.get(stepNames.classWeights)!;
    for (let label = 0; label < classes; label += 1) values[label] = classWeights?.[label] ?? 1;
  }

  #fillShares(weights: readonly number[], total: number): void {
    this.#arrays.get(stepNames.shares)!.set(weights.map((weight) => (total > 0 ? weight / total : 0)));
  }
}
