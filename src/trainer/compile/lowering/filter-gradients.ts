// Gradients of convolution filters: products of dy with shifted copies of x.
import type { backend_util } from '@tensorflow/tfjs-core';
import { convolvedFilterGradient, isWorthConvolving } from './blocked-convolution.ts';
import { channelSums, sumOfAll } from './reductions.ts';
import type { Lowering } from './lowered.ts';

type Geometry = backend_util.Conv2DInfo;

/** Above this size in bytes the shifted copies of all images are not gathered at once: each tap has its own product. */
const maxGatheredBytes = 16 * 1024 * 1024;
/** From so many positions of an image on its products are made by themselves: what they read stays near the processor. */
const leastPositionsOfImage = 32 * 32;

/** dW as [out, in, h, w] from x [n, in, h, w] and dy [n, out, h, w]. */
export function filterGradient(geometry: Geometry, x: string, dy: string, lowering: Lowering): string {
  const { graph } = lowering;
  const { batchSize, inChannels, outChannels, outHeight, outWidth, filterHeight, filterWidth } = geometry;
  const taps = filterHeight * filterWidth;
  const positions = outHeight * outWidth;
  const isGathered = inChannels * batchSize * positions * taps * 4 <= maxGatheredBytes;
  const isUnitStride = geometry.strideHeight === 1 && geometry.strideWidth === 1;
  const block = lowering.options.processor?.channelBlock ?? null;
  if (block !== null && isWorthConvolving(geometry, block))
    return convolvedFilterGradient(geometry, [x, dy], block, graph);
  const product =
    taps > 1 && !isGathered && isUnitStride && positions >= leastPositionsOfImage
      ? productByImage(geometry, x, dy, lowering)
      : productOfBatch(geometry, x, dy, lowering, isGathered);
  const byTap = graph.transpose(graph.reshape(product, [outChannels, taps, inChannels]), [0, 2, 1]);
  return graph.reshape(byTap, [outChannels, inChannels, filterHeight, filterWidth]);
}

/** [out, taps · in], of all images at once; where the copies are not to be gathered, tap by tap. */
function productOfBatch(geometry: Geometry, x: string, dy: string, lowering: Lowering, isGathered: boolean): string {
  const { graph } = lowering;
  const { batchSize, inChannels, outChannels, outHeight, outWidth } = geometry;
  const positions = batchSize * outHeight * outWidth;
  const rows = graph.reshape(graph.transpose(dy, [1, 0, 2, 3]), [outChannels, positions]);
  const shifted = shiftedCopies(geometry, graph.transpose(x, [1, 0, 2, 3]), lowering);
  const times = (copies: string, count: number) =>
    graph.node('Gemm', [rows, graph.reshape(copies, [count * inChannels, positions])], { transB: 1 });
  if (shifted.length === 1) return times(shifted[0]!, 1);
  if (isGathered) return times(graph.node('Concat', shifted, { axis: 0 }), shifted.length);
  return graph.node(
    'Concat',
    shifted.map((copy) => times(copy, 1)),
    { axis: 1 },
  );
}

/**
 * The same, the sum of a product for each image. With rows padded to one width a shift is an offset into each
 * channel: x is shifted by the filter's columns, dy against it by its rows, and one product of all with all has every tap. What
 * a shift moves beyond a row's end meets zeros of dy.
 */
function productByImage(geometry: Geometry, x: string, dy: string, lowering: Lowering): string {
  const { graph } = lowering;
  const { batchSize, inChannels, outChannels, inHeight, inWidth, outHeight, outWidth, filterHeight, filterWidth } =
    geometry;
  const { top, left, bottom, right } = geometry.padInfo;
  const width = left + inWidth + right;
  const height = top + inHeight + bottom;
  const length = height * width;
  // One row more, for the end of what is shifted by columns.
  const padded = graph.node('Pad', [x, graph.integers([0, 0, top, left, 0, 0, bottom + 1, right]), graph.scalar(0)]);
  const pixels = graph.reshape(padded, [batchSize, inChannels, (height + 1) * width]);
  // One row of zeros, for all that lies above and below.
  const widened = graph.node('Pad', [dy, graph.integers([0, 0, 0, 0, 0, 0, 1, width - outWidth]), graph.scalar(0)]);
  const rows = Array.from({ length: filterHeight }, (_, tap) =>
    Array.from({ length: height }, (__, row) => (row >= tap && row < tap + outHeight ? row - tap : outHeight)),
  ).flat();
  const slice = (of: string, starts: readonly number[], ends: readonly number[], axes: readonly number[]) =>
    graph.node('Slice', [of, ...[starts, ends, axes].map((values) => graph.integers(values))]);
  // Added up at the end, not one onto the other: the runtime would make the copies of all images before the first product.
  const products = Array.from({ length: batchSize }, (_, image) => {
    const gradient = graph.reshape(slice(widened, [image], [image + 1], [0]), [outChannels, outHeight + 1, width]);
    const byRow = graph.node('Gather', [gradient, graph.integers(rows)], { axis: 1 });
    const byColumn = Array.from({ length: filterWidth }, (__, column) =>
      graph.reshape(slice(pixels, [image, column], [image + 1, column + length], [0, 2]), [inChannels, length]),
    );
    const shifted = byColumn.length === 1 ? byColumn[0]! : graph.node('Concat', byColumn, { axis: 0 });
    return graph.node('Gemm', [graph.reshape(byRow, [outChannels * filterHeight, length]), shifted], { transB: 1 });
  });
  return sumOfAll(products, lowering);
}

/** dW of a depthwise convolution as [1, channels, h, w]. */
export function depthwiseFilterGradient(geometry: Geometry, x: string, dy: string, lowering: Lowering): string {
  const { graph } = lowering;
  const { batchSize, inChannels, outHeight, outWidth, filterHeight, filterWidth } = geometry;
  const shape = [batchSize, outHeight, outWidth, inChannels];
  const sums = shiftedCopies(geometry, x, lowering).map((copy) => {
    const product = lowering.held(graph.node('Mul', [copy, dy]), shape, 'image');
    return graph.reshape(channelSums(product, lowering), [1, inChannels, 1]);
  });
  const joined = sums.length === 1 ? sums[0]! : graph.node('Concat', sums, { axis: 2 });
  return graph.reshape(joined, [1, inChannels, filterHeight, filterWidth]);
}

/** For each tap, row by row, the values of x that it meets: [a, b, outHeight, outWidth] of x [a, b, height, width]. */
function shiftedCopies(geometry: Geometry, x: string, { graph }: Lowering): string[] {
  const { filterHeight, filterWidth, strideHeight, strideWidth, outHeight, outWidth, padInfo } = geometry;
  const { top, left, bottom, right } = padInfo;
  const padded =
    top + left + bottom + right === 0
      ? x
      : graph.node('Pad', [x, graph.integers([0, 0, top, left, 0, 0, bottom, right]), graph.scalar(0)]);
  const whole = filterHeight * filterWidth === 1 && strideHeight === 1 && strideWidth === 1;
  if (whole) return [padded];
  const copies: string[] = [];
  for (let row = 0; row < filterHeight; row += 1) {
    for (let column = 0; column < filterWidth; column += 1) {
      const ends = [row + (outHeight - 1) * strideHeight + 1, column + (outWidth - 1) * strideWidth + 1];
      const slice = [[row, column], ends, [2, 3], [strideHeight, strideWidth]];
      copies.push(graph.node('Slice', [padded, ...slice.map((values) => graph.integers(values))]));
    }
  }
  return copies;
}
