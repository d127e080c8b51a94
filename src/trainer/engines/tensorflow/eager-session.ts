// The very same programs, run operation by operation on a TensorFlow.js backend.
import * as tf from '@tensorflow/tfjs-core';
import { inferenceNames, inferenceProgram, outputSize } from '../../networks/inference-program.ts';
import { planNetwork, valueCount } from '../../networks/plan.ts';
import type { ProgramInput } from '../../networks/program.ts';
import { centreName, correctionName, stepNames, trainingProgram } from '../../networks/training-program.ts';
import { openPrivateSession } from '../../privacy/private-session.ts';
import type { SessionOptions, TrainingSession } from '../engine.ts';
import { batchMisshapen, sessionClosed } from '../faults.ts';
import { checkState, checkTrainable, stepCountName } from '../state-check.ts';
import { StepInputs } from '../step-inputs.ts';
import { openEagerStore } from './eager-store.ts';

/** Opens a session on a registered backend. @throws Fault 300 when the network cannot be built. */
export async function openEagerSession(options: SessionOptions, backend: string): Promise<TrainingSession> {
  if (options.hyperParameters.privacy !== null)
    return openPrivateSession(options, (held) => openEagerStore(held, backend));
  await tf.setBackend(backend);
  const plan = planNetwork(options.network, options.classes);
  const program = trainingProgram(plan, options.batchSize, options.hyperParameters, options);
  const prediction = inferenceProgram(plan, options.batchSize);
  const shapes = new Map([...program.inputs].map(({ name, shape }) => [name, shape]));
  const stepInputs = new StepInputs(program, options);
  const weightInputs = plan.weights.map(({ name, shape }) => ({ name, shape }));
  const weightNames = new Set(weightInputs.map(({ name }) => name));
  const slots = program.state.filter(({ name }) => !weightNames.has(name));
  const trainable = plan.weights.filter(({ kind }) => kind === 'trainable');
  const held = new Map<string, tf.Tensor>();
  let isCentreSet = false;
  let stepCount = 0;
  let closed = false;

  function hold(name: string, tensor: tf.Tensor): void {
    held.get(name)?.dispose();
    held.set(name, tf.keep(tensor));
  }
  function write({ name, shape }: ProgramInput, values: Float32Array): void {
    hold(name, tf.tensor(values.slice(), [...shape], 'float32'));
  }
  function setCentre(weights: ReadonlyMap<string, Float32Array>): void {
    if (program.centre.length === 0) return;
    for (const { name, shape } of trainable) write({ name: centreName(name), shape }, weights.get(name)!);
    isCentreSet = true;
  }
  const read = (name: string) => (held.get(name)!.dataSync() as Float32Array).slice();
  function useBackend(): void {
    if (closed) throw sessionClosed();
    // In place when the call returns: the backend has been initialised before.
    if (tf.getBackend() !== backend) void tf.setBackend(backend);
  }
  for (const input of [...program.state, ...program.centre, ...program.corrections])
    write(input, new Float32Array(valueCount(input.shape)));

  return {
    provider: backend,
    async step(batch) {
      useBackend();
      const given = new Map<string, tf.Tensor>(held);
      const fresh = [...stepInputs.of(batch, stepCount + 1)].map(([name, values]) => {
        const tensor = tf.tensor(values, [...shapes.get(name)!], 'float32');
        given.set(name, tensor);
        return tensor;
      });
      const results = new Map<string, tf.Tensor>();
      tf.tidy(() => {
        for (const [name, tensor] of program.run(given)) results.set(name, tf.keep(tensor));
      });
      tf.dispose(fresh);
      const loss = results.get(stepNames.loss)!;
      results.delete(stepNames.loss);
      for (const [name, tensor] of results) hold(name, tensor);
      stepCount += 1;
      const [value] = await loss.data();
      loss.dispose();
      return value!;
    },
    async predict(images, count) {
      const { batchSize, network } = options;
      const results = outputSize(plan);
      const { height, width, channels } = network.input;
      const size = height * width * channels;
      if (images.length !== count * size) throw batchMisshapen('the images', images.length, count * size);
      const probabilities = new Float32Array(count * results);
      for (let start = 0; start < count; start += batchSize) {
        const part = Math.min(batchSize, count - start);
        useBackend();
        const chunk = new Float32Array(batchSize * size);
        chunk.set(images.subarray(start * size, (start + part) * size));
        const result = tf.tidy(() => {
          const input = tf.tensor(chunk, [batchSize, height, width, channels]);
          return prediction.run(new Map([...held, [inferenceNames.images, input]])).get(inferenceNames.probabilities)!;
        });
        const values = (await result.data()) as Float32Array;
        probabilities.set(values.subarray(0, part * results), start * results);
        result.dispose();
      }
      return probabilities;
    },
    weights: () => new Map(plan.weights.map(({ name }) => [name, read(name)])),
    setWeights(weights) {
      checkState(weights, weightInputs);
      useBackend();
      for (const input of weightInputs) write(input, weights.get(input.name)!);
      if (!isCentreSet) setCentre(weights);
    },
    optimiserState: () =>
      new Map([
        ...slots.map(({ name }) => [name, read(name)] as const),
        [stepCountName, new Float32Array([stepCount])],
      ]),
    setOptimiserState(given) {
      checkState(given, [...slots, { name: stepCountName, shape: [] }]);
      useBackend();
      for (const input of slots) write(input, given.get(input.name)!);
      stepCount = given.get(stepCountName)![0]!;
    },
    setProximalCentre(weights) {
      checkTrainable(weights, trainable);
      useBackend();
      setCentre(weights);
    },
    setDriftCorrection(correction) {
      checkTrainable(correction, trainable);
      useBackend();
      if (program.corrections.length === 0) return;
      for (const { name, shape } of trainable) write({ name: correctionName(name), shape }, correction.get(name)!);
    },
    async close() {
      if (closed) return;
      closed = true;
      tf.dispose([...held.values()]);
      held.clear();
    },
  };
}
