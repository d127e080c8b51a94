// A network's weights before training: what they are, and their first values from a seed, equal on every machine.
import type { Network, WeightSpecification } from '../../contract/network.ts';
import { randomStream, standardNormals } from '../run/random.ts';
import { planNetwork, valueCount } from './plan.ts';

/** Names, shapes and kinds in canonical order. @throws Fault 300 when the network cannot be built. */
export function weightSpecifications(network: Network, classes: number): WeightSpecification[] {
  return [...planNetwork(network, classes).weights];
}

/**
 * First values from a seed: He normal for filters and dense matrices (arXiv 1502.01852, variance 2 / fan-in), ones for
 * scales and variances, zeros for the rest. Each weight has its own stream, so adding a layer moves no other's values.
 */
export function initialWeights(network: Network, classes: number, seed: number): Map<string, Float32Array> {
  const plan = planNetwork(network, classes);
  const depthwise = new Set(network.layers.filter(({ op }) => op === 'depthwise-conv').map(({ id }) => `${id}.filter`));
  const transposed = new Set(
    network.layers.filter(({ op }) => op === 'transposed-conv').map(({ id }) => `${id}.filter`),
  );
  const weights = new Map<string, Float32Array>();
  for (const [index, { name, shape }] of plan.weights.entries()) {
    const count = valueCount(shape);
    if (shape.length === 1) {
      weights.set(name, new Float32Array(count).fill(/\.(scale|variance)$/.test(name) ? 1 : 0));
      continue;
    }
    const [height = 1, width = 1, third = 1, fourth = 1] = shape.length === 4 ? shape : [1, 1, ...shape];
    const fanIn = depthwise.has(name) ? height * width : height * width * (transposed.has(name) ? fourth : third);
    const stdDev = Math.sqrt(2 / fanIn);
    const values = standardNormals(randomStream(seed, index, 0x77656967), count);
    // In place: a network has millions of them.
    for (let place = 0; place < count; place += 1) values[place]! *= stdDev;
    weights.set(name, values);
  }
  return weights;
}
