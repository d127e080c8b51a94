import { InferenceSession } from 'onnxruntime-node';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { hyperParametersSchema } from '../../../../src/contract/training.ts';
import type { Batch } from '../../../../src/trainer/engines/engine.ts';
import { openCompiledSession } from '../../../../src/trainer/engines/compiled/compiled-session.ts';
import { openEngine } from '../../../../src/trainer/engines/open-engine.ts';
import { networkCatalogue, resolveNetwork } from '../../../../src/trainer/networks/catalogue.ts';
import { initialWeights } from '../../../../src/trainer/networks/weights.ts';
import { randomStream, standardNormals } from '../../../../src/trainer/run/random.ts';
import { softwareGraphics, softwareGraphicsMissing } from '../../../fixtures/software-graphics.ts';

const network = resolveNetwork('cnn-small');
const options = {
  network,
  classes: 2,
  batchSize: 2,
  hyperParameters: hyperParametersSchema.parse({ optimiser: 'sgd' }),
  classWeights: null,
};
const start = initialWeights(network, 2, 1);
const batch: Batch = {
  // The lower half of the second is background, of one value: windows of pools have their largest more than once.
  images: standardNormals(randomStream(4), 2 * 64 * 64).fill(-1, 96 * 64),
  labels: Int32Array.from([0, 1]),
  exampleWeights: new Float32Array(2).fill(1),
  learningRate: 0.01,
};
/** A software driver compiles and computes slowly. */
const timeout = 180_000;

afterEach(() => vi.unstubAllEnvs());

/** Skips where there is no WebGPU, not even in software. */
function useSoftwareGraphics(context: { skip(reason: string): never }): void {
  if (softwareGraphicsMissing !== null) context.skip(softwareGraphicsMissing);
  for (const [name, value] of Object.entries(softwareGraphics)) vi.stubEnv(name, value);
}

describe('the choice of a provider', () => {
  it('falls back to the CPU with a reason for each provider passed over', { timeout }, async () => {
    const engine = await openEngine({ engine: 'compiled', provider: 'auto', threads: 1 });
    const { session, passedOver } = await engine.open(options);
    const before = ['cuda', 'dml', 'webgpu', 'cpu'].indexOf(session.provider);
    await session.close();
    expect(passedOver).toHaveLength(before);
  });

  it('refuses a provider that was asked for by name and is not there, before there is a network, and names those that are', async () => {
    const missing = process.platform === 'win32' ? 'cuda' : 'dml';
    await expect(openEngine({ engine: 'compiled', provider: missing, threads: 1 })).rejects.toMatchObject({
      code: 320,
      message: expect.stringMatching(new RegExp(`${missing}.*“cpu”, or “auto”`)),
    });
  });

  it('says what to do when the tensorflow engine cannot load', async (context) => {
    const opened = openEngine({ engine: 'tensorflow', provider: 'auto', threads: 1 });
    const outcome = await opened.then(
      () => 'loaded',
      (fault: unknown) => fault,
    );
    if (outcome === 'loaded') context.skip('this machine has CUDA');
    expect(outcome).toMatchObject({ code: 320, message: expect.stringContaining('compiled engine') });
  });

  it('trains on WebGPU as on the CPU', { timeout: 3 * timeout }, async (context) => {
    useSoftwareGraphics(context);
    const losses: number[][] = [];
    const weights: Map<string, Float32Array>[] = [];
    for (const provider of ['webgpu', 'cpu'] as const) {
      const engine = await openEngine({ engine: 'compiled', provider, threads: 1 });
      const { session } = await engine.open(options);
      expect(session.provider).toBe(provider);
      session.setWeights(start);
      const own: number[] = [];
      for (let step = 0; step < 3; step += 1) own.push(await session.step(batch));
      expect(session.provider).toBe(provider);
      losses.push(own);
      weights.push(session.weights());
      await session.close();
    }
    for (const [step, loss] of losses[0]!.entries()) expect(loss).toBeCloseTo(losses[1]![step]!, 4);
    expect(losses[0]![2]).toBeLessThan(losses[0]![0]!);
    // Of what they were moved by, not of what they are: three steps move them little.
    for (const [name, before] of start) {
      const [found, expected] = weights.map((all) => all.get(name)!.map((value, place) => value - before[place]!));
      const norm = (values: Float32Array): number => Math.hypot(...values);
      const difference = norm(found!.map((value, place) => value - expected![place]!));
      expect(difference).toBeLessThanOrEqual(0.02 * norm(expected!) + 1e-6);
    }
  });

  it('leaves nothing of a step on WebGPU to the CPU', { timeout: 3 * timeout }, async (context) => {
    useSoftwareGraphics(context);
    for (const { name } of networkCatalogue()) {
      const network = resolveNetwork(name);
      const session = openCompiledSession({ ...options, network }, 'webgpu', 1, async (compiled, provider) => {
        // Refused where one operator has no kernel there: its operands would be fetched in every step.
        const whole = { session: { disable_cpu_ep_fallback: '1' } };
        const opened = await InferenceSession.create(compiled.model, { executionProviders: [provider], extra: whole });
        return { compiled, run: () => Promise.resolve(), close: () => opened.release() };
      });
      await expect(session).resolves.toHaveProperty('provider', 'webgpu');
      await (await session).close();
    }
  });
});
