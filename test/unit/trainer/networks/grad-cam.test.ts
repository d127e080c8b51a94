import { describe, expect, it } from 'vitest';
import { networkSchema } from '../../../../src/contract/network.ts';
import { compileProgram } from '../../../../src/trainer/compile/compile-program.ts';
import {
  inputName,
  openOnnxSession,
  outputName,
  tensorOf,
} from '../../../../src/trainer/engines/compiled/onnx-session.ts';
import { gradCamNames, gradCamProgram, mappedLayer } from '../../../../src/trainer/networks/grad-cam.ts';
import { planNetwork } from '../../../../src/trainer/networks/plan.ts';
import { enlargedHeat } from '../../../../src/trainer/run/predict-images.ts';

const network = networkSchema.parse({
  name: 'tiny',
  description: 'two maps of one pixel each, their means, and a decision',
  input: { height: 8, width: 8, channels: 1 },
  layers: [
    { op: 'conv', id: 'maps', input: 'input', filters: 2, kernel: 1 },
    { op: 'global-average-pool', id: 'means', input: 'maps' },
    { op: 'dense', id: 'logits', input: 'means', units: 'classes' },
  ],
  output: 'logits',
});
const weights = {
  'maps.filter': [1, -2],
  'maps.bias': [0.5, 1],
  'logits.kernel': [3, -1, 0.5, 2],
  'logits.bias': [0, 0],
} as const;
const image = Float32Array.from({ length: 64 }, (_, place) => place / 64);

describe('where a classifier looked', () => {
  it('is what the closed form of a network of one mean and one decision says', async () => {
    const plan = planNetwork(network, 2);
    expect(mappedLayer(plan)).toEqual({ id: 'maps', height: 8, width: 8 });
    const compiled = compileProgram(gradCamProgram(plan), {
      layoutOf: () => 'plain',
      processor: { channelBlock: null },
    });
    const session = await openOnnxSession(compiled, 'cpu', 1);
    const given: Record<string, ReturnType<typeof tensorOf>> = {};
    const give = (name: string, values: readonly number[] | Float32Array): void => {
      const port = compiled.inputs.get(name);
      if (port !== undefined) given[inputName(name)] = tensorOf(Float32Array.from(values), port);
    };
    for (const [name, values] of Object.entries(weights)) give(name, values);
    give(gradCamNames.images, image);
    give(gradCamNames.target, [0, 1]);
    const heat = new Float32Array(64);
    await session.run(given, {
      [outputName(gradCamNames.heat)]: tensorOf(heat, compiled.outputs.get(gradCamNames.heat)!),
    });
    await session.close();
    // The second class's logit weighs the means by −1 and 2; each pixel has a 64th part in a mean.
    const expected = image.map((x) => Math.max(0, (-1 * (x + 0.5) + 2 * (-2 * x + 1)) / 64));
    heat.forEach((value, place) => expect(value).toBeCloseTo(expected[place]!, 6));
    expect(heat.some((value) => value > 0)).toBe(true);
  });

  it('is enlarged linearly between its places, 0 to 1', () => {
    const large = enlargedHeat(Float32Array.of(0, 2, 4, 4), { height: 2, width: 2 }, { height: 4, width: 4 });
    expect(large[0]).toBe(0);
    expect(large[15]).toBe(1);
    expect(large[1]).toBeCloseTo(0.125, 6);
    expect([...enlargedHeat(new Float32Array(4), { height: 2, width: 2 }, { height: 1, width: 1 })]).toEqual([0]);
  });
});
