// Convolutions for a provider whose kernels add up all products of an output one by one. Over thousands of them the rounding is
// several times that of a processor's kernels, which add up in blocks.
import type { GraphBuilder } from '../onnx/graph-builder.ts';

/** A coarse value has eight bits at most: (x + b) − b keeps what is above 2⁻²³ of b, which is 2¹⁶ times the largest value. */
const baseOfLargest = 2 ** 16;

/**
 * The convolution of an image [n, in, h, w] by a filter [out, in, h, w] as that of their coarse parts, plus what their fine parts
 * add. Products of coarse parts are whole numbers of 16 bits, in one unit: their sums are exact in float32 while they are below
 * 2²⁴ units, and rounding falls on the rest alone, which is 2⁻⁸ of the whole (the splitting of Ozaki et al., Numerical Algorithms
 * 2012, 59:95). It takes three convolutions for one.
 */
export function exactConvolution(
  { x, filter, window }: { x: string; filter: string; window: Record<string, readonly number[]> },
  graph: GraphBuilder,
): string {
  const [coarseX, coarseFilter] = [coarse(x, graph), coarse(filter, graph)];
  const [fineX, fineFilter] = [graph.node('Sub', [x, coarseX]), graph.node('Sub', [filter, coarseFilter])];
  const images = graph.node('Concat', [coarseX, fineX], { axis: 1 });
  const filters = graph.node('Concat', [fineFilter, filter], { axis: 1 });
  const [main, rest] = [
    graph.node('Conv', [coarseX, coarseFilter], window),
    graph.node('Conv', [images, filters], window),
  ];
  return graph.node('Add', [main, rest]);
}

/** Rounded to multiples of one unit for all its values. */
function coarse(value: string, graph: GraphBuilder): string {
  // Plane by plane first: one reduction of everything would be a single group's work.
  const ofPlanes = graph.node('ReduceMax', [graph.node('Abs', [value])], { axes: [2, 3], keepdims: 1 });
  const largest = graph.node('ReduceMax', [ofPlanes], { axes: [0, 1], keepdims: 1 });
  const base = graph.node('Mul', [largest, graph.scalar(baseOfLargest)]);
  return graph.node('Sub', [graph.node('Add', [value, base]), base]);
}
