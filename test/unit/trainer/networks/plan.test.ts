import { describe, expect, it } from 'vitest';
import { networkSchema, type Network } from '../../../../src/contract/network.ts';
import { networkCatalogue, resolveNetwork } from '../../../../src/trainer/networks/catalogue.ts';
import { planNetwork } from '../../../../src/trainer/networks/plan.ts';
import { initialWeights, weightSpecifications } from '../../../../src/trainer/networks/weights.ts';

function network(layers: unknown[], output = 'logits'): Network {
  const input = { height: 16, width: 16, channels: 1 };
  return networkSchema.parse({ name: 'small', description: '', input, layers, output });
}
const dense = (input: string) => ({ op: 'dense', id: 'logits', input, units: 'classes' });
const conv = (id: string, input: string, more: object = {}) => ({
  op: 'conv',
  id,
  input,
  filters: 4,
  kernel: 3,
  ...more,
});

describe('the plan of a network', () => {
  it('computes layers after what they read, and lists weights in the order of the definition', () => {
    const plan = planNetwork(
      network([dense('flat'), { op: 'global-average-pool', id: 'flat', input: 'c' }, conv('c', 'input')]),
      3,
    );
    expect(plan.layers.map(({ layer }) => layer.id)).toEqual(['c', 'flat', 'logits']);
    expect(plan.weights.map(({ name }) => name)).toEqual(['logits.kernel', 'logits.bias', 'c.filter', 'c.bias']);
    expect(plan.parameters).toBe(4 * 3 + 3 + 9 * 4 + 4);
  });

  it('refuses an even number of channels: further ones are the neighbours of a slice, on both sides', () => {
    const taking = (channels: number): Network => {
      const small = network([conv('c', 'input'), dense('c')]);
      return { ...small, input: { ...small.input, channels } };
    };
    expect(() => planNetwork(taking(2), 2)).toThrow(expect.objectContaining({ code: 300 }));
    expect(planNetwork(taking(3), 2).network.input.channels).toBe(3);
  });

  it.each([
    ['an unknown input', [conv('c', 'nowhere'), dense('c')], 'layer c reads nowhere'],
    ['a cycle', [conv('a', 'b'), conv('b', 'a'), dense('b')], 'layer a reads its own result'],
    ['a name used twice', [conv('a', 'input'), conv('a', 'input'), dense('a')], 'layer a has a name'],
    [
      'a window larger than the image',
      [
        conv('c', 'input', { kernel: 15, padding: 'valid' }),
        conv('d', 'c', { kernel: 5, padding: 'valid' }),
        dense('d'),
      ],
      'layer d has a window of 5',
    ],
    [
      'sums of different shapes',
      [conv('c', 'input', { stride: 2 }), { op: 'add', id: 's', inputs: ['c', 'input'] }, dense('s')],
      'layer s joins',
    ],
    [
      'channels that groups do not divide',
      [conv('c', 'input'), { op: 'group-norm', id: 'n', input: 'c', groups: 3 }, dense('n')],
      'layer n divides 4 channels into 3 groups',
    ],
    [
      'too many parameters',
      [conv('c', 'input', { filters: 4096 }), { op: 'dense', id: 'd', input: 'c', units: 4096 }, dense('d')],
      'parameters, more than',
    ],
    ['an output that is no logits', [{ ...conv('logits', 'input') }], 'one logit for each of 2 classes'],
    [
      'a value that is too large',
      [
        conv('c', 'input', { filters: 4096 }),
        { op: 'upsample', id: 't', input: 'c', factor: 8 },
        { op: 'upsample', id: 'u', input: 't', factor: 2 },
        { op: 'global-average-pool', id: 'f', input: 'u' },
        dense('f'),
      ],
      'layer u makes values that are too large',
    ],
    [
      'many values that are too large together',
      [
        conv('c', 'input', { filters: 4096 }),
        ...Array.from({ length: 600 }, (_, index) => ({
          op: 'relu',
          id: `r${index}`,
          input: index === 0 ? 'c' : `r${index - 1}`,
        })),
        dense('r599'),
      ],
      'makes one image need too much memory',
    ],
    [
      'more multiplications than are bearable',
      [
        conv('c', 'input', { filters: 512 }),
        { op: 'upsample', id: 'u', input: 'c', factor: 8 },
        ...Array.from({ length: 4 }, (_, index) =>
          conv(`d${index}`, index === 0 ? 'u' : `d${index - 1}`, { filters: 512, kernel: 15 }),
        ),
        dense('d3'),
      ],
      'makes one image take too long',
    ],
    [
      'an enlargement of what is no image',
      [{ op: 'global-average-pool', id: 'f', input: 'input' }, { op: 'upsample', id: 'u', input: 'f' }, dense('u')],
      'layer u needs an image',
    ],
  ])('refuses %s, naming the layer', (_, layers, reason) => {
    expect(() => planNetwork(network(layers), 2)).toThrow(
      expect.objectContaining({ code: 300, message: expect.stringContaining(reason) }),
    );
  });

  it('wants a logit for each pixel and class when the task is segmentation', () => {
    const pixels = (layers: unknown[]) => ({ ...network(layers), task: 'segmentation' as const });
    const logits = { op: 'conv', id: 'logits', input: 'c', filters: 'classes', kernel: 1 };
    expect(planNetwork(pixels([conv('c', 'input'), logits]), 4).layers.at(-1)!.shape).toEqual([16, 16, 4]);
    expect(() => planNetwork(pixels([conv('c', 'input', { stride: 2 }), logits]), 4)).toThrow(/each pixel of 16 × 16/);
    expect(() => planNetwork(pixels([conv('c', 'input'), dense('c')]), 4)).toThrow(/each pixel of 16 × 16/);
  });

  it('answers a graph of the largest size within the limits of time, however its layers are ordered', () => {
    const layers = Array.from({ length: 1_999 }, (_, index) => ({
      op: 'relu',
      id: `r${index}`,
      input: index === 0 ? 'input' : `r${index - 1}`,
    }));
    const plan = planNetwork(network([dense('r1998'), ...layers.toReversed()]), 2);
    expect(plan.layers).toHaveLength(2_000);
  });

  it('refuses an output that does not exist', () => {
    expect(() => planNetwork(network([conv('c', 'input')], 'gone'), 2)).toThrow(/layer gone is named as the output/);
  });
});

describe('the bundled networks', () => {
  it('can all be planned, for two classes and for many', () => {
    expect(networkCatalogue().map(({ name }) => name)).toContain('cnn-small');
    for (const { name, parameters } of networkCatalogue()) {
      expect(parameters).toBeGreaterThan(10_000);
      expect(planNetwork(resolveNetwork(name), 14).weights.length).toBeGreaterThan(10);
    }
  });

  it('have the parameters of the networks that they are named after', () => {
    // torchvision's ResNet-18 without its classifier, with one input channel instead of three.
    expect(planNetwork(resolveNetwork('resnet18'), 6).parameters).toBe(11_173_318);
    expect(planNetwork(resolveNetwork('cnn-small'), 6).parameters).toBe(98_166);
    // The U-Net of the PyTorch reference.
    expect(planNetwork(resolveNetwork('unet'), 1).parameters).toBe(1_942_289);
  });

  it('that classify can be asked for several classes of an image, but not for those of its pixels', () => {
    expect(resolveNetwork('densenet', 'multi-label').task).toBe('multi-label');
    expect(resolveNetwork('unet', 'segmentation').task).toBe('segmentation');
    expect(() => resolveNetwork('densenet', 'segmentation')).toThrow(expect.objectContaining({ code: 303 }));
    expect(() => resolveNetwork('unet', 'classification')).toThrow(expect.objectContaining({ code: 303 }));
  });

  it('are chosen by name; an unknown name is answered with those there are', () => {
    expect(() => resolveNetwork('../secrets')).toThrow(
      expect.objectContaining({ code: 301, message: expect.stringContaining('cnn-small') }),
    );
  });
});

describe('initial weights', () => {
  const cnn = resolveNetwork('cnn-small');

  it('are the same for the same seed and others for another', () => {
    expect(initialWeights(cnn, 2, 5)).toEqual(initialWeights(cnn, 2, 5));
    expect(initialWeights(cnn, 2, 5)).not.toEqual(initialWeights(cnn, 2, 6));
  });

  it('have the spread of He et al. in filters, ones in scales and variances, zeros elsewhere', () => {
    const weights = initialWeights(cnn, 2, 5);
    expect([...weights.keys()]).toEqual(weightSpecifications(cnn, 2).map(({ name }) => name));
    const filter = weights.get('block4.conv.filter')!;
    const variance = filter.reduce((sum, value) => sum + value * value, 0) / filter.length;
    expect(variance / (2 / (9 * 64))).toBeCloseTo(1, 1);
    expect(new Set(weights.get('block1.norm.scale'))).toEqual(new Set([1]));
    expect(new Set(weights.get('block1.norm.mean'))).toEqual(new Set([0]));
  });
});
