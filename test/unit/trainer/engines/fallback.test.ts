// A device that fails in the middle of a run: the CPU takes over from the very same state.
import { expect, it } from 'vitest';
import { hyperParametersSchema } from '../../../../src/contract/training.ts';
import { openCompiledSession } from '../../../../src/trainer/engines/compiled/compiled-session.ts';
import { openOnnxSession } from '../../../../src/trainer/engines/compiled/onnx-session.ts';
import type { Batch } from '../../../../src/trainer/engines/engine.ts';
import { resolveNetwork } from '../../../../src/trainer/networks/catalogue.ts';
import { initialWeights } from '../../../../src/trainer/networks/weights.ts';
import { randomStream, standardNormals } from '../../../../src/trainer/run/random.ts';

const network = resolveNetwork('cnn-small');
const options = {
  network,
  classes: 2,
  batchSize: 4,
  hyperParameters: hyperParametersSchema.parse({ optimiser: 'adam' }),
  classWeights: null,
};
const images = standardNormals(randomStream(4), 4 * 64 * 64);
const batch: Batch = {
  images,
  labels: Int32Array.from([0, 1, 0, 1]),
  exampleWeights: new Float32Array(4).fill(1),
  learningRate: 0.01,
};

/** A device that computes as the CPU does until its run number `failing`, and never again after that. */
function failingDevice(failing: number): typeof openOnnxSession {
  let runs = 0;
  return async (compiled, provider, threads) => {
    const session = await openOnnxSession(compiled, 'cpu', threads);
    return {
      ...session,
      run(inputs, outputs) {
        runs += 1;
        if (provider === 'webgpu' && runs >= failing) return Promise.reject(new Error('device lost'));
        return session.run(inputs, outputs);
      },
    };
  };
}

it('a device that fails in step 3 loses no step: the CPU goes on from what the device had after two', async () => {
  const device = await openCompiledSession(options, 'webgpu', 1, failingDevice(Infinity));
  const cpu = await openCompiledSession(options, 'cpu', 1);
  const moving = await openCompiledSession(options, 'webgpu', 1, failingDevice(3));
  const expected: number[] = [];
  device.setWeights(initialWeights(network, 2, 1));
  for (let step = 0; step < 2; step += 1) expected.push(await device.step(batch));
  cpu.setWeights(device.weights());
  cpu.setOptimiserState(device.optimiserState());
  for (let step = 2; step < 5; step += 1) expected.push(await cpu.step(batch));
  moving.setWeights(initialWeights(network, 2, 1));
  const losses: number[] = [];
  for (let step = 0; step < 5; step += 1) losses.push(await moving.step(batch));
  expect(moving).toMatchObject({ provider: 'cpu', movedBecause: 'device lost' });
  expect(losses).toEqual(expected);
  expect(moving.weights()).toEqual(cpu.weights());
  expect(moving.optimiserState()).toEqual(cpu.optimiserState());
  await device.close();
  await cpu.close();
  await moving.close();
});

it('a device that fails while it predicts is left as well, and the predictions are made again', async () => {
  const cpu = await openCompiledSession(options, 'cpu', 1);
  const moving = await openCompiledSession(options, 'webgpu', 1, failingDevice(1));
  for (const session of [cpu, moving]) session.setWeights(initialWeights(network, 2, 1));
  expect(await moving.predict(images, 4)).toEqual(await cpu.predict(images, 4));
  expect(moving.provider).toBe('cpu');
  await cpu.close();
  await moving.close();
});
