import { afterEach, expect, it, vi } from 'vitest';
import { hyperParametersSchema } from '../../../src/contract/training.ts';
import { type SessionCache, sessionCache, type SessionRequest } from '../../../src/trainer/run/session-cache.ts';
import { initialWeights } from '../../../src/trainer/networks/weights.ts';
import { randomStream, standardNormals } from '../../../src/trainer/run/random.ts';
import { stripesNetwork } from './stripes.ts';

vi.setConfig({ testTimeout: 120_000 });

let sessions: SessionCache;
afterEach(() => sessions.close());

function request({ ...settings }: object = {}): SessionRequest {
  return {
    engine: 'compiled',
    provider: 'cpu',
    threads: 1,
    network: stripesNetwork,
    classes: 2,
    hyperParameters: hyperParametersSchema.parse({ batchSize: 4, ...settings }),
    classWeights: null,
  };
}

it('compiles once for the rounds of a federation, whatever their epochs and learning rates', async () => {
  sessions = sessionCache();
  const first = await sessions.open(request());
  expect(await sessions.open(request({ epochs: 3, learningRate: 0.5, schedule: 'constant' }))).toBe(first);
  expect(await sessions.open(request({ batchSize: 8 }))).not.toBe(first);
});

it('predicts with the session of a training', async () => {
  sessions = sessionCache();
  const { session } = await sessions.open(request());
  const { hyperParameters: _, classWeights: __, ...prediction } = request();
  expect(await sessions.openForPrediction({ ...prediction, images: 1 })).toBe(session);
});

it('opens no training for predictions, and for a single image nothing larger than that', async () => {
  sessions = sessionCache();
  const { hyperParameters: _, classWeights: __, ...prediction } = request();
  const one = await sessions.openForPrediction({ ...prediction, images: 1 });
  expect(one).not.toHaveProperty('step');
  const many = await sessions.openForPrediction({ ...prediction, images: 100 });
  expect(many).not.toBe(one);
  expect(await sessions.openForPrediction({ ...prediction, images: 40 })).toBe(many);
  const { session } = await sessions.open(request());
  const weights = initialWeights(stripesNetwork, 2, 3);
  const images = standardNormals(randomStream(2), 5 * 16 * 16);
  for (const predictor of [many, session]) predictor.setWeights(weights);
  const [found, expected] = [await many.predict(images, 5), await session.predict(images, 5)];
  for (const [place, value] of found.entries()) expect(value).toBeCloseTo(expected[place]!, 5);
});

it('closes the network that was unused for longest', async () => {
  sessions = sessionCache();
  const oldest = await sessions.open(request({ batchSize: 2 }));
  const used = await sessions.open(request({ batchSize: 3 }));
  await sessions.open(request({ batchSize: 5 }));
  expect(await sessions.open(request({ batchSize: 3 }))).toBe(used);
  await expect(oldest.session.predict(new Float32Array(16 * 16), 1)).rejects.toThrow('closed');
});
