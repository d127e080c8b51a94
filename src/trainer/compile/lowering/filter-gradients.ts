// Gradients of convolution filters: products of dy with shifted copies of x.
import type { backend_util } from '@tensorflow/tfjs-core';
import { channelSums } from './reductions.ts';
import type { Lowering } from './lowered.ts';

type Geometry = backend_util.Conv2DInfo;

/** Above this size of the gathered copies, in bytes, each tap has its own product: less memory for a little more time. */
const maxGatheredBytes = 16 * 1024 * 1024;

/** dW as [out, in, h, w] from x [n, in, h, w] and dy [n, out, h, w]. */
export function filterGradient(geometry: Geometry, x: string, dy: string, lowering: Lowering): string {
  const { graph } = lowering;
  const { batchSize, inChannels, outChannels, outHeight, outWidth, filterHeight, filterWidth } = geometry;
  const taps = filterHeight * filterWidth;
  const positions = batchSize * outHeight * outWidth;
  const rows = graph.reshape(graph.transpose(dy, [1, 0, 2, 3]), [outChannels, positions]);
  const shifted = shiftedCopies(geometry, graph.transpose(x, [1, 0, 2, 3]), lowering);
  if (taps === 1) {
    const product = graph.node('Gemm', [rows, graph.reshape(shifted[0]!, [inChannels, positions])], { transB: 1 });
    return graph.reshape(product, [outChannels, inChannels, 1, 1]);
  }
  const gathered = inChannels * positions * taps * 4 <= maxGatheredBytes;
  const product = gathered
    ? graph.node(
        'Gemm',
        [rows, graph.reshape(graph.node('Concat', shifted, { axis: 0 }), [taps * inChannels, positions])],
        { transB: 1 },
      )
    : graph.node(
        'Concat',
        shifted.map((copy) => graph.node('Gemm', [rows, graph.reshape(copy, [inChannels, positions])], { transB: 1 })),
        { axis: 1 },
      );
  const byTap = graph.transpose(graph.reshape(product, [outChannels, taps, inChannels]), [0, 2, 1]);
  return graph.reshape(byTap, [outChannels, inChannels, filterHeight, filterWidth]);
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
