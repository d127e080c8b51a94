import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hyperParametersSchema } from '../../../../src/contract/training.ts';
import type { Batch, TrainingSession } from '../../../../src/trainer/engines/engine.ts';
import { openEngine } from '../../../../src/trainer/engines/open-engine.ts';
import { resolveNetwork } from '../../../../src/trainer/networks/catalogue.ts';
import { initialWeights, weightSpecifications } from '../../../../src/trainer/networks/weights.ts';
import { randomStream, standardNormals } from '../../../../src/trainer/run/random.ts';

const network = resolveNetwork('cnn-small');
const classes = 2;
const batchSize = 4;
const imageSize = 64 * 64;

function batchOf(exampleWeights: number[]): Batch {
  return {
    images: standardNormals(randomStream(4), batchSize * imageSize),
    labels: Int32Array.from([0, 1, 0, 1]),
    exampleWeights: Float32Array.from(exampleWeights),
    learningRate: 0.01,
  };
}

describe('a training session', () => {
  let session: TrainingSession;
  let asOpened: ReturnType<TrainingSession['optimiserState']>;
  const first = initialWeights(network, classes, 2);

  beforeAll(async () => {
    const engine = await openEngine({ engine: 'compiled', provider: 'cpu', threads: 1 });
    const hyperParameters = hyperParametersSchema.parse({ optimiser: 'adam' });
    ({ session } = await engine.open({ network, classes, batchSize, hyperParameters, classWeights: null }));
    asOpened = session.optimiserState();
  });
  beforeEach(() => {
    session.setWeights(first);
    session.setOptimiserState(asOpened);
  });
  afterAll(() => session.close());

  it('gives back the weights that it was given, in canonical order', () => {
    expect(session.weights()).toEqual(first);
    expect([...session.weights().keys()]).toEqual(weightSpecifications(network, classes).map(({ name }) => name));
  });

  it('learns a batch by heart', async () => {
    const batch = batchOf([1, 1, 1, 1]);
    const before = await session.step(batch);
    let after = before;
    for (let step = 0; step < 8; step += 1) after = await session.step(batch);
    expect(after).toBeLessThan(before / 2);
    expect(session.optimiserState().get('step-count')).toEqual(new Float32Array([9]));
  });

  it('ignores the images of padding', async () => {
    const losses: number[] = [];
    for (const filling of [0, 1e3]) {
      session.setWeights(first);
      session.setOptimiserState(asOpened);
      const batch = batchOf([1, 1, 1, 0]);
      batch.images.fill(filling, 3 * imageSize);
      losses.push(await session.step(batch));
    }
    expect(losses[1]).toBe(losses[0]);
  });

  it('predicts any number of images, each as if it were alone', async () => {
    const images = standardNormals(randomStream(5), 6 * imageSize);
    const all = await session.predict(images, 6);
    const last = await session.predict(images.subarray(5 * imageSize), 1);
    expect(all).toHaveLength(6 * classes);
    expect(all[10]! + all[11]!).toBeCloseTo(1, 5);
    expect(last[0]).toBeCloseTo(all[10]!, 5);
  });

  it('refuses weights of another network and leaves its own', () => {
    const foreign = initialWeights(network, classes + 1, 2);
    expect(() => session.setWeights(foreign)).toThrow(expect.objectContaining({ code: 323 }));
    expect(() => session.setWeights(new Map([...first, ['extra', new Float32Array(1)]]))).toThrow(/extra/);
    expect(session.weights()).toEqual(first);
  });

  it('refuses a batch of another size and labels that are no class', async () => {
    const batch = batchOf([1, 1, 1, 1]);
    await expect(session.step({ ...batch, images: new Float32Array(7) })).rejects.toMatchObject({ code: 322 });
    await expect(session.step({ ...batch, labels: Int32Array.from([0, 1, 0, 2]) })).rejects.toMatchObject({
      code: 322,
    });
  });

  it('does nothing any more once it is closed', async () => {
    const engine = await openEngine({ engine: 'compiled', provider: 'cpu', threads: 1 });
    const hyperParameters = hyperParametersSchema.parse({ optimiser: 'sgd' });
    const { session: closed } = await engine.open({ network, classes, batchSize, hyperParameters, classWeights: null });
    await closed.close();
    await closed.close();
    await expect(closed.step(batchOf([1, 1, 1, 1]))).rejects.toMatchObject({ code: 324 });
  });
});
