// A training session that keeps a privacy promise: DP-SGD (Abadi et al., arXiv 1607.00133). Each example's gradient is
// clipped by itself, the sum gets Gaussian noise, and only then does the optimiser see it. The same on every engine.
import { inferenceNames, inferenceProgram } from '../networks/inference-program.ts';
import { biasCorrections } from '../networks/optimisers.ts';
import { planNetwork, valueCount } from '../networks/plan.ts';
import { centreName, stepNames } from '../networks/training-program.ts';
import type { Batch, PrivateSession, SessionOptions } from '../engines/engine.ts';
import { batchMisshapen } from '../engines/faults.ts';
import type { OpenProgramStore, StoredProgram } from '../engines/program-store.ts';
import { checkState, checkTrainable, stepCountName } from '../engines/state-check.ts';
import { StepInputs } from '../engines/step-inputs.ts';
import { clippedGradients, gradientSettings, normName, sumName } from './clipped-gradients.ts';
import { privacyFault } from './faults.ts';
import { refuseBatchNorm } from './group-norm-twin.ts';
import { cryptographicChance } from './noise.ts';
import { gradientName, privateUpdate } from './private-update.ts';

/** @throws Fault 682 when the network has batch norm, whose statistics mix the examples of a batch. */
export async function openPrivateSession(
  options: SessionOptions,
  openStore: OpenProgramStore,
): Promise<PrivateSession> {
  const { network, classes, hyperParameters, batchSize, chance = cryptographicChance() } = options;
  const { privacy } = hyperParameters;
  if (privacy === null) throw new Error('a private session without privacy settings');
  refuseBatchNorm(network);
  const plan = planNetwork(network, classes);
  const gradients = clippedGradients(plan, hyperParameters, privacy.clipNorm);
  const update = privateUpdate(plan, hyperParameters);
  const trainable = plan.weights.filter(({ kind }) => kind === 'trainable');
  const weightInputs = plan.weights.map(({ name, shape }) => ({ name, shape }));
  const store = await openStore([...weightInputs, ...gradients.sums, ...update.slots, ...update.centre]);
  const [clip, move] = [await store.add(gradients), await store.add(update)];
  let prediction: StoredProgram | null = null;
  // Weights of classes come from the labels of all examples, which the promise does not cover: they are left out.
  const inputs = new StepInputs(gradients.step, {
    ...options,
    batchSize: 1,
    classWeights: null,
    hyperParameters: gradientSettings(hyperParameters),
  });
  const noiseStdDev = privacy.noiseMultiplier * privacy.clipNorm;
  let correction: ReadonlyMap<string, Float32Array> = new Map();
  let isCentreSet = false;
  let stepCount = 0;
  let exampleCount = 0;

  function setCentre(weights: ReadonlyMap<string, Float32Array>): void {
    if (update.centre.length > 0) for (const { name } of trainable) store.write(centreName(name), weights.get(name)!);
    isCentreSet = true;
  }

  function forgetSums(): void {
    for (const { name, shape } of gradients.sums) store.write(name, new Float32Array(valueCount(shape)));
  }

  async function accumulate({ images, labels, exampleWeights, learningRate }: Batch): Promise<number> {
    const capacity = exampleWeights.length;
    const [imageLength, labelLength] = [images.length / capacity, labels.length / capacity];
    let losses = 0;
    for (const [index, weight] of exampleWeights.entries()) {
      if (weight === 0) continue;
      exampleCount += 1;
      const example = {
        images: images.subarray(index * imageLength, (index + 1) * imageLength),
        labels: labels.subarray(index * labelLength, (index + 1) * labelLength),
        exampleWeights: Float32Array.of(1),
        learningRate,
      };
      const results = await clip.run(inputs.of(example, exampleCount));
      if (!Number.isFinite(results.get(normName)![0]!)) throw privacyFault.gradientNotFinite();
      losses += results.get(stepNames.loss)![0]!;
    }
    return losses;
  }

  async function release(learningRate: number): Promise<void> {
    const { first, second } = biasCorrections(stepCount + 1);
    const given = new Map<string, Float32Array>([
      [stepNames.learningRate, Float32Array.of(learningRate)],
      [stepNames.firstCorrection, Float32Array.of(first)],
      [stepNames.secondCorrection, Float32Array.of(second)],
    ]);
    for (const { name } of trainable) {
      // The expected size of the batch, not the real one: that is a secret of the sampling.
      const drift = correction.get(name);
      const noisy = store
        .read(sumName(name))
        .map((sum, index) => (sum + chance.normal() * noiseStdDev) / hyperParameters.batchSize + (drift?.[index] ?? 0));
      given.set(gradientName(name), noisy);
    }
    await move.run(given);
    forgetSums();
    stepCount += 1;
  }

  return {
    get provider() {
      return store.provider;
    },
    chance,
    accumulate,
    release,
    async step(batch) {
      const losses = await accumulate(batch);
      await release(batch.learningRate);
      const count = batch.exampleWeights.reduce((total, weight) => total + (weight === 0 ? 0 : 1), 0);
      return losses / Math.max(1, count);
    },
    async predict(images, count) {
      const { height, width, channels } = network.input;
      const size = height * width * channels;
      if (images.length !== count * size) throw batchMisshapen('the images', images.length, count * size);
      prediction ??= await store.add(inferenceProgram(plan, batchSize));
      const chunk = new Float32Array(batchSize * size);
      let all = new Float32Array();
      for (let start = 0; start < count; start += batchSize) {
        const part = Math.min(batchSize, count - start);
        chunk.set(images.subarray(start * size, (start + part) * size));
        const results = await prediction.run(new Map([[inferenceNames.images, chunk]]));
        const values = results.get(inferenceNames.probabilities)!;
        const each = values.length / batchSize;
        if (all.length === 0) all = new Float32Array(count * each);
        all.set(values.subarray(0, part * each), start * each);
      }
      return all;
    },
    weights: () => new Map(plan.weights.map(({ name }) => [name, store.read(name)])),
    setWeights(weights) {
      checkState(weights, weightInputs);
      for (const { name } of weightInputs) store.write(name, weights.get(name)!);
      // A run that was stopped in the middle of a batch leaves nothing to the next one.
      forgetSums();
      if (!isCentreSet) setCentre(weights);
    },
    optimiserState: () =>
      new Map([
        ...update.slots.map(({ name }) => [name, store.read(name)] as const),
        [stepCountName, Float32Array.of(stepCount)],
      ]),
    setOptimiserState(state) {
      checkState(state, [...update.slots, { name: stepCountName, shape: [] }]);
      for (const { name } of update.slots) store.write(name, state.get(name)!);
      stepCount = state.get(stepCountName)![0]!;
    },
    setProximalCentre: setCentre,
    setDriftCorrection(given) {
      checkTrainable(given, trainable);
      correction = given;
    },
    close: () => store.close(),
  };
}
