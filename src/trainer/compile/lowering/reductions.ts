// Sums, means and maxima.
import { util } from '@tensorflow/tfjs-core';
import { physicalAxis, physicalShape, sizeOf } from './layout.ts';
import type { Held, Lowered, Lowering } from './lowered.ts';
import type { LoweringRule, LoweringTable } from './rule.ts';

const rule =
  (operator: 'ReduceSum' | 'ReduceMean' | 'ReduceMax', axisAttribute: string): LoweringRule =>
  ({ inputs, attributes, output }, lowering) => {
    const x = inputs['x']!;
    const axes = util.parseAxisParam(attributes[axisAttribute] as number[], [...x.shape]);
    const product = operator === 'ReduceSum' && isWhole(axes) ? lowering.deferred(x, 'product') : null;
    if (product !== null && isWorthMultiplying(x.shape, lowering)) {
      const dots = channelDots(product, lowering);
      return lowering.held(lowering.graph.reshape(dots, output.shape), output.shape, 'plain');
    }
    const value = lowering.get(x);
    return reduced(operator, value, axes, output.shape, lowering);
  };

export const reductions: LoweringTable = {
  Sum: rule('ReduceSum', 'axis'),
  Mean: rule('ReduceMean', 'axis'),
  Max: rule('ReduceMax', 'reductionIndices'),
};

function reduced(
  operator: 'ReduceSum' | 'ReduceMean' | 'ReduceMax',
  value: Lowered,
  axes: readonly number[],
  shape: readonly number[],
  lowering: Lowering,
): Lowered {
  const { graph } = lowering;
  // A sum of everything does not ask how it lies.
  if (value.kind === 'held' && axes.length === value.shape.length && value.layout !== 'plain') {
    const all = graph.reshape(value.name, [sizeOf(value.shape)]);
    return lowering.held(graph.reshape(reduceNode(operator, all, [0], lowering), shape), shape, 'plain');
  }
  if (value.kind === 'held' && value.layout === 'image') {
    if (isWhole(axes) && operator === 'ReduceSum')
      return lowering.held(graph.reshape(channelSums(value, lowering), shape), shape, 'plain');
    const kept = [0, 1, 2, 3].filter((axis) => !axes.includes(axis));
    const inOrder = kept.every(
      (axis, index) => index === 0 || physicalAxis(kept[index - 1]!, 'image') < physicalAxis(axis, 'image'),
    );
    if (inOrder) {
      const physical = axes.map((axis) => physicalAxis(axis, 'image')).toSorted((a, b) => a - b);
      return lowering.held(graph.reshape(reduceNode(operator, value.name, physical, lowering), shape), shape, 'plain');
    }
  }
  const name = reduceNode(operator, lowering.plain(value), axes, lowering);
  return lowering.held(graph.reshape(name, shape), shape, 'plain');
}

/** Whether everything but the channels is summed. */
function isWhole(axes: readonly number[]): boolean {
  return axes.length === 3 && [0, 1, 2].every((axis) => axes.includes(axis));
}

/** Σ over batch, height and width, one value per channel: first over each contiguous plane, then over the batch. */
export function channelSums(value: Held, lowering: Lowering): string {
  const { graph } = lowering;
  const [batch, channels, height, width] = physicalShape(value.shape, 'image') as [number, number, number, number];
  const planes = graph.reshape(lowering.image(value), [batch * channels, height * width]);
  const sums = sizeOf([height, width]) === 1 ? planes : reduceNode('ReduceSum', planes, [1], lowering);
  return reduceNode('ReduceSum', graph.reshape(sums, [batch, channels]), [0], lowering);
}

/** From so many positions on, a product's sum is faster as a matrix product of each plane than by writing the product down. */
const leastPositionsOfDot = 64 * 64;

function isWorthMultiplying([, height, width]: readonly number[], { options }: Lowering): boolean {
  return options.processor !== null && height! * width! >= leastPositionsOfDot;
}

/** Σ a · b over batch, height and width, one value per channel. */
function channelDots({ a, b }: { a: Held; b: Held }, lowering: Lowering): string {
  const { graph } = lowering;
  const [batch, channels, height, width] = physicalShape(a.shape, 'image') as [number, number, number, number];
  const planes = [a, b].map(({ name }) => graph.reshape(name, [batch * channels, 1, height * width]));
  const dots = graph.node('com.microsoft:FusedMatMul', planes, { transB: 1 });
  return reduceNode('ReduceSum', graph.reshape(dots, [batch, channels]), [0], lowering);
}

/** a + b + …: in one pass on the CPU. WebGPU lacks the operator and would fetch every operand: there the pairs, and theirs. */
export function sumOfAll(names: readonly string[], { graph, options }: Lowering): string {
  if (names.length === 1) return names[0]!;
  if (options.processor !== null) return graph.node('Sum', names);
  let sums = names;
  while (sums.length > 1) {
    const pairs = Array.from({ length: Math.ceil(sums.length / 2) }, (_, pair) => sums.slice(2 * pair, 2 * pair + 2));
    sums = pairs.map((pair) => (pair.length === 1 ? pair[0]! : graph.node('Add', pair)));
  }
  return sums[0]!;
}

function reduceNode(operator: string, name: string, axes: readonly number[], { graph }: Lowering): string {
  // ReduceSum takes its axes as an input since operator set 13, the others as an attribute until 18.
  if (operator === 'ReduceSum') return graph.node(operator, [name, graph.integers(axes)], { keepdims: 0 });
  return graph.node(operator, [name], { axes, keepdims: 0 });
}
