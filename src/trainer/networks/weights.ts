// A network's weights before training: what they are, and their first values from a seed, equal on every machine.
import type { Layer, Network, WeightSpecification } from '../../contract/network.ts';
import { type NetworkPlan, planNetwork, valueCount } from './plan.ts';
import { drawn, type WeightDraw } from './weight-draw.ts';

/** Names, shapes and kinds in canonical order. @throws Fault 300 when the network cannot be built. */
export function weightSpecifications(network: Network, classes: number): WeightSpecification[] {
  return [...planNetwork(network, classes).weights];
}

/**
 * First values from a seed: He normal for filters and dense matrices (arXiv 1502.01852, variance 2 / fan-in), ones for
 * scales and variances, zeros for the rest.
 */
export function initialWeights(network: Network, classes: number, seed: number): Map<string, Float32Array> {
  return new Map(weightDraws(planNetwork(network, classes)).map((draw) => [draw.name, drawn(draw, seed)]));
}

/** What `initialWeights` draws, in canonical order. */
export function weightDraws({ network, weights }: NetworkPlan): WeightDraw[] {
  const namesOf = (op: Layer['op']): Set<string> =>
    new Set(network.layers.filter((layer) => layer.op === op).map(({ id }) => `${id}.filter`));
  const [depthwise, transposed] = [namesOf('depthwise-conv'), namesOf('transposed-conv')];
  return weights.map(({ name, shape }, index) => {
    const count = valueCount(shape);
    if (shape.length === 1) return { name, index, count, from: { constant: /\.(scale|variance)$/.test(name) ? 1 : 0 } };
    const [height = 1, width = 1, third = 1, fourth = 1] = shape.length === 4 ? shape : [1, 1, ...shape];
    const fanIn = depthwise.has(name) ? height * width : height * width * (transposed.has(name) ? fourth : third);
    return { name, index, count, from: { normalStdDev: Math.sqrt(2 / fanIn) } };
  });
}
