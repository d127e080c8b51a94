import { describe, expect, it } from 'vitest';
import { hyperParametersSchema } from '../../../../src/contract/training.ts';
import { openEngine } from '../../../../src/trainer/engines/open-engine.ts';
import { resolveNetwork } from '../../../../src/trainer/networks/catalogue.ts';
import { initialWeights } from '../../../../src/trainer/networks/weights.ts';

const network = resolveNetwork('cnn-small');
const options = {
  network,
  classes: 2,
  batchSize: 2,
  hyperParameters: hyperParametersSchema.parse({}),
  classWeights: null,
};
/** A software driver compiles and computes slowly. */
const timeout = 180_000;
const softwareGraphics = process.env['VK_ICD_FILENAMES'];

describe('the choice of a provider', () => {
  it('falls back to the CPU with a reason for each provider passed over', { timeout }, async () => {
    const engine = await openEngine({ engine: 'compiled', provider: 'auto', threads: 1 });
    const session = await engine.open(options);
    const passedOver = ['cuda', 'dml', 'webgpu', 'cpu'].indexOf(session.provider);
    await session.close();
    expect(engine.fallbacks).toHaveLength(passedOver);
  });

  it('refuses a provider that was asked for by name and is not there', async () => {
    const missing = process.platform === 'win32' ? 'cuda' : 'dml';
    const engine = await openEngine({ engine: 'compiled', provider: missing, threads: 1 });
    await expect(engine.open(options)).rejects.toMatchObject({ code: 320 });
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

  it('trains on WebGPU as on the CPU where there is a Vulkan driver', { timeout }, async (context) => {
    if (!softwareGraphics) context.skip('VK_ICD_FILENAMES names no Vulkan driver (chromium has a software one)');
    const engine = await openEngine({ engine: 'compiled', provider: 'webgpu', threads: 1 });
    const session = await engine.open(options);
    expect(session.provider).toBe('webgpu');
    session.setWeights(initialWeights(network, 2, 1));
    await session.close();
  });
});
