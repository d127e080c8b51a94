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
  ])('refuses %s, naming the layer', (_, layers, reason) => {
    expect(() => planNetwork(network(layers), 2)).toThrow(
      expect.objectContaining({ code: 300, message: expect.stringContaining(reason) }),
    );
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
