import { afterEach, expect, it, vi } from 'vitest';
import { hyperParametersSchema } from '../../../src/contract/training.ts';
import { type SessionCache, sessionCache, type SessionRequest } from '../../../src/trainer/run/session-cache.ts';
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
  expect(await sessions.openForPrediction(prediction)).toBe(session);
});

it('closes the network that was unused for longest', async () => {
  sessions = sessionCache();
  const oldest = await sessions.open(request({ batchSize: 2 }));
  const used = await sessions.open(request({ batchSize: 3 }));
  await sessions.open(request({ batchSize: 5 }));
  expect(await sessions.open(request({ batchSize: 3 }))).toBe(used);
  await expect(oldest.session.predict(new Float32Array(16 * 16), 1)).rejects.toThrow('closed');
});
