// Convolutions in the layout that ONNX Runtime's CPU provider has for itself (NCHWc, domain com.microsoft.nchwc): channels in
// blocks of as many as a register of the processor holds. Its kernels read an image where it lies, where those for
// NCHW first copy each value once for every place of the filter.
import type { backend_util } from '@tensorflow/tfjs-core';
import type { GraphBuilder } from '../onnx/graph-builder.ts';

type Geometry = backend_util.Conv2DInfo;

/** From so many positions of an image on the blocked kernel is the faster one; below it a plain matrix product is. */
const leastPositionsOfImage = 16 * 16;
/** Up to so many positions of dy a filter's gradient is faster as a convolution by it than as products of shifted copies. */
const mostPositionsOfFilter = 16 * 16;

/** What there is to know of a convolution. */
export type ConvolutionShape = Pick<
  Geometry,
  'inChannels' | 'outChannels' | 'outHeight' | 'outWidth' | 'filterHeight' | 'filterWidth'
>;

export interface BlockedConvolution {
  readonly shape: ConvolutionShape;
  /** [n, in, h, w] */
  readonly x: string;
  /** [out, in, h, w], or [in, out, h, w] where `isInputFirst`. */
  readonly filter: string;
  readonly isInputFirst: boolean;
  /** ONNX's attributes: kernel_shape, strides, pads. */
  readonly window: Record<string, readonly number[]>;
}

const domain = 'com.microsoft.nchwc';

/** Whether the blocked kernel can do it and is faster than the plain one. */
export function isWorthBlocking(shape: ConvolutionShape, block: number): boolean {
  const { inChannels, outChannels, outHeight, outWidth, filterHeight, filterWidth } = shape;
  if (inChannels % block !== 0 || outChannels % block !== 0) return false;
  return filterHeight * filterWidth > 1 && outHeight * outWidth >= leastPositionsOfImage;
}

/** @returns [n, out, h, w] */
export function blockedConvolution(
  { shape, x, filter, isInputFirst, window }: BlockedConvolution,
  block: number,
  graph: GraphBuilder,
): string {
  const { inChannels, outChannels, filterHeight, filterWidth } = shape;
  const [first, second] = isInputFirst ? [inChannels, outChannels] : [outChannels, inChannels];
  const split = graph.reshape(filter, [first / block, block, second / block, block, filterHeight, filterWidth]);
  // [out / block, in / block, h, w, in of the block, out of the block]
  const blocks = graph.transpose(split, isInputFirst ? [2, 0, 4, 5, 1, 3] : [0, 2, 4, 5, 3, 1]);
  const operands = [
    graph.node(`${domain}:ReorderInput`, [x]),
    graph.reshape(blocks, [outChannels, inChannels, filterHeight, filterWidth]),
  ];
  return inPlainOrder(graph.node(`${domain}:Conv`, operands, window), outChannels, graph);
}

/** Whether a filter's gradient is best as a convolution by dy. */
export function isWorthConvolving(geometry: Geometry, block: number): boolean {
  const { batchSize, outChannels, outHeight, outWidth, filterHeight, filterWidth, strideHeight, strideWidth } =
    geometry;
  // The images take the place of the channels: all of them in one block, or in whole ones.
  if (outChannels % block !== 0 || (batchSize > block && batchSize % block !== 0)) return false;
  if (filterHeight * filterWidth === 1) return false;
  return outHeight * outWidth <= mostPositionsOfFilter || strideHeight * strideWidth > 1;
}

/**
 * The gradient of a filter [out, in, h, w] as a convolution: x's channels are the images, the images the channels, dy is
 * the filter, and each place of the result is one of the filter's. A stride becomes a dilation.
 * @param x [n, in, h, w]
 * @param dy [n, out, h, w]
 */
export function convolvedFilterGradient(
  geometry: Geometry,
  [x, dy]: readonly [string, string],
  block: number,
  graph: GraphBuilder,
): string {
  const { batchSize, outChannels, outHeight, outWidth, inHeight, inWidth, filterHeight, filterWidth } = geometry;
  const { strideHeight, strideWidth, padInfo } = geometry;
  const bottom = (outHeight - 1) * strideHeight + filterHeight - inHeight - padInfo.top;
  const right = (outWidth - 1) * strideWidth + filterWidth - inWidth - padInfo.left;
  const swapped = graph.transpose(x, [1, 0, 2, 3]);
  const { top, left } = padInfo;
  // Beforehand, since the kernel makes each place that meets a border by itself. What no window reaches is cut off.
  const padded = [top, left, bottom, right].every((size) => size === 0)
    ? swapped
    : graph.node('Pad', [swapped, graph.integers([0, 0, top, left, 0, 0, bottom, right]), graph.scalar(0)]);
  const isBlocked = batchSize % block === 0;
  const images = isBlocked ? block : batchSize;
  const pieces = graph.reshape(graph.node(`${domain}:ReorderInput`, [dy]), [
    batchSize / images,
    images,
    outChannels / block,
    outHeight * outWidth,
    block,
  ]);
  const filter = graph.transpose(pieces, isBlocked ? [2, 0, 3, 1, 4] : [2, 0, 1, 3, 4]);
  const gradient = graph.node(
    `${domain}:Conv`,
    [
      isBlocked ? graph.node(`${domain}:ReorderInput`, [padded]) : padded,
      graph.reshape(filter, [outChannels, batchSize, outHeight, outWidth]),
    ],
    { kernel_shape: [outHeight, outWidth], dilations: [strideHeight, strideWidth] },
  );
  return graph.transpose(inPlainOrder(gradient, outChannels, graph), [1, 0, 2, 3]);
}

function inPlainOrder(value: string, channels: number, graph: GraphBuilder): string {
  return graph.node(`${domain}:ReorderOutput`, [value], { channels });
}
