// Devices that are wrong, short of memory or right, in the place of the machine's: the engine has to tell them apart.
import { describe, expect, it, vi } from 'vitest';
import { hyperParametersSchema } from '../../../../src/contract/training.ts';
import { openCompiledEngine } from '../../../../src/trainer/engines/compiled/compiled-engine.ts';
import { openOnnxSession } from '../../../../src/trainer/engines/compiled/onnx-session.ts';
import type { Engine, ProviderName, SessionOptions } from '../../../../src/trainer/engines/engine.ts';
import { resolveNetwork } from '../../../../src/trainer/networks/catalogue.ts';
import { weightSpecifications } from '../../../../src/trainer/networks/weights.ts';
import { disksNetwork } from '../../../integration/trainer/disks.ts';
import { stripesNetwork } from '../../../integration/trainer/stripes.ts';

vi.setConfig({ testTimeout: 120_000 });

type Outputs = Parameters<Awaited<ReturnType<typeof openOnnxSession>>['run']>[1];

/** An engine on a machine with one device beside the CPU, which computes as the CPU does but for what `spoil` makes of it. */
function engineWith(
  provider: ProviderName,
  {
    spoil = () => {},
    mostImages = Infinity,
    cpuDelayMs = 0,
  }: { spoil?: (inputs: Outputs, outputs: Outputs) => void; mostImages?: number; cpuDelayMs?: number } = {},
): Promise<Engine> {
  const openRuntime: typeof openOnnxSession = async (compiled, device, threads) => {
    const images = compiled.inputs.get('images')?.shape[0] ?? 0;
    if (device === 'webgpu' && images > mostImages) throw new Error('Failed to allocate memory for requested buffer');
    const session = await openOnnxSession(compiled, 'cpu', threads);
    return {
      ...session,
      async run(inputs, outputs) {
        if (device === 'cpu') await new Promise((resolve) => setTimeout(resolve, cpuDelayMs));
        await session.run(inputs, outputs);
        if (device === 'webgpu') spoil(inputs, outputs);
      },
    };
  };
  const reasonAgainst = (name: string): string | null => (name === 'webgpu' ? null : 'it is not there');
  return openCompiledEngine({ engine: 'compiled', provider, threads: 1 }, { openRuntime, reasonAgainst });
}

function optionsFor(settings: object = {}, network = stripesNetwork): SessionOptions {
  const hyperParameters = hyperParametersSchema.parse(settings);
  return { network, classes: 2, batchSize: 4, hyperParameters, classWeights: null };
}

/** Changes the values of one tensor that a run gives. */
function changed(name: string, change: (value: number, place: number, inputs: Outputs) => number) {
  return (inputs: Outputs, outputs: Outputs): void => {
    const values = outputs[`out:${name}`]?.data as Float32Array | undefined;
    values?.forEach((value, place) => (values[place] = change(value, place, inputs)));
  };
}

const filter = weightSpecifications(stripesNetwork, 2).find(({ shape }) => shape.length === 4)!.name;
const before = (inputs: Outputs, place: number): number => (inputs[`in:${filter}`]!.data as Float32Array)[place]!;

describe('a device is taken', () => {
  it.each(['sgd', 'adam', 'adamw'] as const)('that computes what the CPU does, by %s', async (optimiser) => {
    for (const network of [stripesNetwork, disksNetwork, resolveNetwork('cnn-small')]) {
      const { session } = await (await engineWith('webgpu')).open(optionsFor({ optimiser }, network));
      expect(session.provider).toBe('webgpu');
      await session.close();
    }
  });

  it('whose sums are rounded otherwise', async () => {
    const spoil = (_: Outputs, outputs: Outputs): void => {
      for (const { data } of Object.values(outputs)) {
        const values = data as Float32Array;
        values.forEach((value, place) => (values[place] = value * (1 + ((place % 7) - 3) * 1e-6)));
      }
    };
    const { session } = await (await engineWith('webgpu', { spoil })).open(optionsFor({ optimiser: 'adam' }));
    expect(session.provider).toBe('webgpu');
    await session.close();
  });
});

describe('a device is refused', () => {
  const outcomeOf = async (spoil: (inputs: Outputs, outputs: Outputs) => void, settings: object): Promise<unknown> =>
    (await engineWith('webgpu', { spoil })).open(optionsFor(settings)).catch((fault: unknown) => fault);
  const refusal = { code: 320, message: expect.stringContaining(filter) };

  it('whose filter gradient is zero', async () => {
    const spoil = (inputs: Outputs, outputs: Outputs): void => {
      changed(filter, (_, place) => before(inputs, place))(inputs, outputs);
      changed(`momentum/${filter}`, () => 0)(inputs, outputs);
    };
    expect(await outcomeOf(spoil, { optimiser: 'sgd', momentum: 0 })).toMatchObject(refusal);
  });

  it('whose filter gradient is a tenth too large', async () => {
    const spoil = changed(`momentum/${filter}`, (value) => value * 1.1);
    expect(await outcomeOf(spoil, { optimiser: 'sgd' })).toMatchObject(refusal);
  });

  it.each(['sgd', 'adam', 'adamw'])('that moves the filter by half of the stride, by %s', async (optimiser) => {
    const spoil = changed(filter, (value, place, inputs) => (value + before(inputs, place)) / 2);
    expect(await outcomeOf(spoil, { optimiser })).toMatchObject(refusal);
  });

  it('that forgets the statistics of batch norm', async () => {
    const mean = weightSpecifications(stripesNetwork, 2).find(({ kind }) => kind !== 'trainable')!.name;
    const engine = await engineWith('webgpu', { spoil: changed(mean, () => 0) });
    await expect(engine.open(optionsFor())).rejects.toMatchObject({ message: expect.stringContaining(mean) });
  });

  it('whose predictions are off', async () => {
    const options = { network: stripesNetwork, classes: 2, batchSize: 4 };
    const right = await (await engineWith('webgpu')).openForPrediction(options);
    expect(right.session.provider).toBe('webgpu');
    await right.session.close();
    const spoil = changed('probabilities', (value, place) => value + (place % 2 === 0 ? 0.02 : -0.02));
    const wrong = await engineWith('webgpu', { spoil });
    await expect(wrong.openForPrediction(options)).rejects.toMatchObject({ code: 320 });
  });
});

describe('a device whose memory does not hold the batch', () => {
  it('is passed over with that reason, and told where a smaller batch will be tried', async () => {
    const engine = await engineWith('auto', { mostImages: 2 });
    const { session, passedOver } = await engine.open(optionsFor());
    expect(session.provider).toBe('cpu');
    expect(passedOver.find(({ isHere }) => isHere)?.reason).toContain('allocate memory');
    await session.close();
    await expect(engine.open({ ...optionsFor(), mayShrink: true })).rejects.toThrow('allocate memory');
  });

  it('leaves no word of it to the next network', async () => {
    const engine = await engineWith('auto', { mostImages: 2, cpuDelayMs: 200 });
    const first = await engine.open(optionsFor());
    const second = await engine.open({ ...optionsFor(), batchSize: 2 });
    expect(first.session.provider).toBe('cpu');
    expect(second.session.provider).toBe('webgpu');
    expect(second.passedOver.filter(({ isHere }) => isHere)).toEqual([]);
    await first.session.close();
    await second.session.close();
  });
});
