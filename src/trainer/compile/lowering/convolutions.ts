// Convolutions, their input gradients (which are convolutions again), and depthwise ones.
import type { backend_util } from '@tensorflow/tfjs-core';
import { type ConvolutionShape, blockedConvolution, isWorthBlocking } from './blocked-convolution.ts';
import type { GraphBuilder } from '../onnx/graph-builder.ts';
import { exactConvolution } from './exact-sums.ts';
import { convolution } from '../shape-rules.ts';
import type { KernelCall } from '../tape.ts';
import { depthwiseFilterGradient, filterGradient } from './filter-gradients.ts';
import { sizeOf } from './layout.ts';
import type { Lowering } from './lowered.ts';
import type { LoweringTable } from './rule.ts';

type Geometry = backend_util.Conv2DInfo;

export const convolutions: LoweringTable = {
  Conv2D: ({ inputs, attributes, output }, lowering) => {
    const geometry = convolution(inputs['x']!.shape, inputs['filter']!.shape, attributes);
    const convolved = convolution2d(geometry, window(geometry), lowering, {
      x: lowering.image(lowering.get(inputs['x']!)),
      filter: lowering.filter(lowering.get(inputs['filter']!)),
      isInputFirst: false,
    });
    return lowering.held(convolved, output.shape, 'image');
  },
  Conv2DBackpropInput: (call, lowering) => {
    const geometry = convolution(call.output.shape, call.inputs['filter']!.shape, call.attributes);
    const filter = lowering.filter(lowering.get(call.inputs['filter']!));
    const { dy, scaled } = outputGradient(call.inputs['dy']!, sizeOf(call.inputs['filter']!.shape), lowering);
    return lowering.held(inputGradient(geometry, dy, scaled(filter), 1, lowering), call.output.shape, 'image');
  },
  Conv2DBackpropFilter: ({ inputs, attributes, output }, lowering) => {
    const geometry = convolution(inputs['x']!.shape, output.shape, attributes);
    const x = lowering.image(lowering.get(inputs['x']!));
    const { dy, scaled } = outputGradient(inputs['dy']!, sizeOf(output.shape), lowering);
    return lowering.held(scaled(filterGradient(geometry, x, dy, lowering)), output.shape, 'filter');
  },
  DepthwiseConv2dNative: ({ inputs, attributes, output }, lowering) => {
    const geometry = convolution(inputs['x']!.shape, inputs['filter']!.shape, attributes, true);
    const operands = [
      lowering.image(lowering.get(inputs['x']!)),
      depthwiseFilter(inputs['filter']!, geometry, lowering),
    ];
    const group = { group: geometry.inChannels };
    return lowering.held(
      lowering.graph.node('Conv', operands, { ...window(geometry), ...group }),
      output.shape,
      'image',
    );
  },
  DepthwiseConv2dNativeBackpropInput: (call, lowering) => {
    const geometry = convolution(call.output.shape, call.inputs['filter']!.shape, call.attributes, true);
    const dy = lowering.image(lowering.get(call.inputs['dy']!));
    const filter = depthwiseFilter(call.inputs['filter']!, geometry, lowering);
    return lowering.held(
      inputGradient(geometry, dy, filter, geometry.inChannels, lowering),
      call.output.shape,
      'image',
    );
  },
  DepthwiseConv2dNativeBackpropFilter: ({ inputs, attributes, output }, lowering) => {
    const geometry = convolution(inputs['x']!.shape, output.shape, attributes, true);
    const x = lowering.image(lowering.get(inputs['x']!));
    const dy = lowering.image(lowering.get(inputs['dy']!));
    return lowering.held(depthwiseFilterGradient(geometry, x, dy, lowering), output.shape, 'filter');
  },
};

function convolution2d(
  shape: ConvolutionShape,
  window: Record<string, readonly number[]>,
  { graph, options }: Lowering,
  { x, filter, isInputFirst }: { x: string; filter: string; isInputFirst: boolean },
): string {
  const block = options.processor?.channelBlock ?? null;
  if (block !== null && isWorthBlocking(shape, block))
    return blockedConvolution({ shape, x, filter, isInputFirst, window }, block, graph);
  // Gradients err by what the activations do: only these have to be exact.
  if (options.exactSums && !isInputFirst) return exactConvolution({ x, filter, window }, graph);
  return graph.node('Conv', [x, isInputFirst ? graph.transpose(filter, [1, 0, 2, 3]) : filter], window);
}

function window(geometry: Geometry): Record<string, readonly number[]> {
  const { top, left, bottom, right } = geometry.padInfo;
  return {
    kernel_shape: [geometry.filterHeight, geometry.filterWidth],
    strides: [geometry.strideHeight, geometry.strideWidth],
    pads: [top, left, bottom, right],
  };
}

/**
 * dy of a convolution. A factor per channel on it (the slope of a batch norm) is taken out and goes onto the filter or
 * its gradient where those are smaller.
 */
function outputGradient(
  traced: KernelCall['output'],
  filterSize: number,
  lowering: Lowering,
): { dy: string; scaled: (filter: string) => string } {
  const { graph } = lowering;
  const deferred = lowering.deferred(traced, 'scaled');
  if (deferred === null || filterSize > sizeOf(traced.shape))
    return { dy: lowering.image(lowering.get(traced)), scaled: (filter) => filter };
  const factors = graph.reshape(deferred.factors, [traced.shape[3]!, 1, 1, 1]);
  return { dy: deferred.image.name, scaled: (filter) => graph.node('Mul', [filter, factors]) };
}

/** A depthwise filter, logical [h, w, channels, 1], as ONNX's grouped [channels, 1, h, w]. */
function depthwiseFilter(traced: KernelCall['output'], geometry: Geometry, lowering: Lowering): string {
  const filter = lowering.filter(lowering.get(traced));
  return lowering.graph.reshape(filter, [geometry.inChannels, 1, geometry.filterHeight, geometry.filterWidth]);
}

/** dx: with stride 1 a convolution by the flipped filter, else a transposed convolution. */
function inputGradient(geometry: Geometry, dy: string, filter: string, groups: number, lowering: Lowering): string {
  const { graph } = lowering;
  const { filterHeight, filterWidth, strideHeight, strideWidth, padInfo } = geometry;
  if (strideHeight === 1 && strideWidth === 1 && groups === 1) {
    const pads = [
      filterHeight - 1 - padInfo.top,
      filterWidth - 1 - padInfo.left,
      filterHeight - 1 - padInfo.bottom,
      filterWidth - 1 - padInfo.right,
    ];
    const { inChannels, outChannels, inHeight, inWidth } = geometry;
    const shape = {
      ...geometry,
      inChannels: outChannels,
      outChannels: inChannels,
      outHeight: inHeight,
      outWidth: inWidth,
    };
    return convolution2d(shape, { kernel_shape: [filterHeight, filterWidth], pads }, lowering, {
      x: dy,
      filter: flipped(geometry, filter, graph),
      isInputFirst: true,
    });
  }
  const covered = (outputs: number, stride: number, before: number, after: number, size: number) =>
    (outputs - 1) * stride - before - after + size;
  return graph.node('ConvTranspose', [dy, filter], {
    ...window(geometry),
    group: groups,
    output_padding: [
      geometry.inHeight - covered(geometry.outHeight, strideHeight, padInfo.top, padInfo.bottom, filterHeight),
      geometry.inWidth - covered(geometry.outWidth, strideWidth, padInfo.left, padInfo.right, filterWidth),
    ],
  });
}

/**
 * The filter turned by 180°. As a product with a permutation matrix, which is exact and several times faster than a slice
 * with negative steps.
 */
function flipped(
  { filterHeight, filterWidth, inChannels, outChannels }: Geometry,
  filter: string,
  graph: GraphBuilder,
): string {
  const taps = filterHeight * filterWidth;
  if (taps === 1) return filter;
  const reversal = new Float32Array(taps * taps);
  for (let tap = 0; tap < taps; tap += 1) reversal[tap * taps + (taps - 1 - tap)] = 1;
  const rows = graph.reshape(filter, [outChannels * inChannels, taps]);
  const turned = graph.node('Gemm', [rows, graph.floats(reversal, [taps, taps])]);
  return graph.reshape(turned, [outChannels, inChannels, filterHeight, filterWidth]);
}
