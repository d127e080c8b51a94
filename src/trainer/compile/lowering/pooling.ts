// Pools and their gradients.
import type { backend_util } from '@tensorflow/tfjs-core';
import { elementTypes } from '../onnx/model-bytes.ts';
import { pooling as geometryOf } from '../shape-rules.ts';
import type { KernelCall } from '../tape.ts';
import { physicalShape, sizeOf } from './layout.ts';
import type { Lowering } from './lowered.ts';
import type { LoweringTable } from './rule.ts';

export const pooling: LoweringTable = {
  MaxPool: ({ inputs, attributes, output }, lowering) => {
    const geometry = geometryOf(inputs['x']!.shape, attributes);
    const [value] = maxPool(inputs['x']!, geometry, lowering);
    return lowering.held(value!, output.shape, 'image');
  },
  MaxPoolGrad: (call, lowering) => {
    const geometry = geometryOf(call.inputs['input']!.shape, call.attributes);
    const gradient = lowering.options.poolIndices
      ? gradientByIndices(call, geometry, lowering)
      : gradientByEquality(call, geometry, lowering);
    return lowering.held(gradient, call.output.shape, 'image');
  },
  AvgPool: ({ inputs, attributes, output }, lowering) => {
    const geometry = geometryOf(inputs['x']!.shape, attributes);
    const x = lowering.image(lowering.get(inputs['x']!));
    return lowering.held(lowering.graph.node('AveragePool', [x], window(geometry)), output.shape, 'image');
  },
  AvgPoolGrad: (call, lowering) => {
    const { graph } = lowering;
    const geometry = geometryOf(call.inputs['input']!.shape, call.attributes);
    const { inChannels, filterHeight, filterWidth, outHeight, outWidth } = geometry;
    const dy = lowering.image(lowering.get(call.inputs['dy']!));
    const shares = graph.floats(windowShares(geometry), [1, 1, outHeight, outWidth]);
    const ones = graph.floats(new Float32Array(inChannels * filterHeight * filterWidth).fill(1), [
      inChannels,
      1,
      filterHeight,
      filterWidth,
    ]);
    const covered = (outputs: number, stride: number, before: number, after: number, size: number) =>
      (outputs - 1) * stride - before - after + size;
    const { top, left, bottom, right } = geometry.padInfo;
    const spread = graph.node('ConvTranspose', [graph.node('Mul', [dy, shares]), ones], {
      ...window(geometry),
      group: inChannels,
      output_padding: [
        geometry.inHeight - covered(outHeight, geometry.strideHeight, top, bottom, filterHeight),
        geometry.inWidth - covered(outWidth, geometry.strideWidth, left, right, filterWidth),
      ],
    });
    return lowering.held(spread, call.output.shape, 'image');
  },
};

function window(geometry: backend_util.Conv2DInfo): Record<string, readonly number[]> {
  const { top, left, bottom, right } = geometry.padInfo;
  return {
    kernel_shape: [geometry.filterHeight, geometry.filterWidth],
    strides: [geometry.strideHeight, geometry.strideWidth],
    pads: [top, left, bottom, right],
  };
}

function maxPool(x: KernelCall['output'], geometry: backend_util.Conv2DInfo, lowering: Lowering): readonly string[] {
  const results = lowering.options.poolIndices ? 2 : 1;
  return lowering.graph.nodes('MaxPool', [lowering.image(lowering.get(x))], window(geometry), results);
}

/** Whether no value is in two windows. */
function isDisjoint(geometry: backend_util.Conv2DInfo): boolean {
  return geometry.filterHeight <= geometry.strideHeight && geometry.filterWidth <= geometry.strideWidth;
}

/** Each dy goes to the value that was the maximum of its window. */
function gradientByIndices(call: KernelCall, geometry: backend_util.Conv2DInfo, lowering: Lowering): string {
  const { graph } = lowering;
  const input = call.inputs['input']!;
  const indices = maxPool(input, geometry, lowering)[1]!;
  const dy = lowering.image(lowering.get(call.inputs['dy']!));
  const whole = physicalShape(input.shape, 'image');
  const { top, left, bottom, right } = geometry.padInfo;
  if (isDisjoint(geometry) && top + left + bottom + right === 0) {
    return graph.node('MaxUnpool', [dy, indices, graph.integers(whole)], window(geometry));
  }
  const zeros = graph.node('Expand', [graph.scalar(0), graph.integers([sizeOf(whole)])]);
  const flat = [indices, dy].map((name) => graph.reshape(name, [sizeOf(call.inputs['dy']!.shape)]));
  return graph.reshape(graph.node('ScatterElements', [zeros, ...flat], { axis: 0, reduction: 'add' }), whole);
}

/** Where a provider has no indices: dy goes to the first value that equals its window's maximum, as with them. */
function gradientByEquality(call: KernelCall, geometry: backend_util.Conv2DInfo, lowering: Lowering): string {
  const { graph } = lowering;
  const { filterHeight, filterWidth, outHeight, outWidth, inHeight, inWidth, batchSize, inChannels } = geometry;
  const tiles = outHeight * filterHeight === inHeight && outWidth * filterWidth === inWidth;
  if (!tiles || filterHeight !== geometry.strideHeight || filterWidth !== geometry.strideWidth)
    return gradientByTaps(call, geometry, lowering);
  const whole = [batchSize, inChannels, inHeight, inWidth];
  const planes = batchSize * inChannels;
  const windows = [planes, outHeight, filterHeight, outWidth, filterWidth];
  const enlarged = (name: string) =>
    graph.node('Expand', [graph.reshape(name, [planes, outHeight, 1, outWidth, 1]), graph.integers(windows)]);
  const valueOf = (name: string) => lowering.image(lowering.get(call.inputs[name]!));
  const isMaximum = graph.node('Equal', [graph.reshape(valueOf('input'), windows), enlarged(valueOf('output'))]);
  const taps = filterHeight * filterWidth;
  // The first has the highest rank.
  const ranks = graph.floats(
    Float32Array.from({ length: taps }, (_, tap) => taps - tap),
    [1, 1, filterHeight, 1, filterWidth],
  );
  const rank = graph.node('Where', [isMaximum, ranks, graph.scalar(0)]);
  const highest = graph.node('MaxPool', [graph.reshape(rank, whole)], window(geometry));
  const isFirst = graph.node('Equal', [rank, enlarged(highest)]);
  return graph.reshape(graph.node('Where', [isFirst, enlarged(valueOf('dy')), graph.scalar(0)]), whole);
}

/**
 * The same where windows overlap or leave something out: for each place within a window, dy where the value there is the first
 * that is the maximum; a transposed convolution by one-hot filters puts all of them back where they belong.
 */
function gradientByTaps(call: KernelCall, geometry: backend_util.Conv2DInfo, lowering: Lowering): string {
  const { graph } = lowering;
  const { filterHeight, filterWidth, outHeight, outWidth, inHeight, inWidth, batchSize, inChannels } = geometry;
  const { top, left, bottom, right } = geometry.padInfo;
  const taps = filterHeight * filterWidth;
  const planes = batchSize * inChannels;
  const inPlanes = (name: string) =>
    graph.reshape(lowering.image(lowering.get(call.inputs[name]!)), [planes, 1, outHeight, outWidth]);
  const x = graph.reshape(lowering.image(lowering.get(call.inputs['input']!)), [planes, 1, inHeight, inWidth]);
  const padded =
    top + left + bottom + right === 0
      ? x
      : graph.node('Pad', [x, graph.integers([0, 0, top, left, 0, 0, bottom, right]), graph.scalar(-3.4e38)]);
  const [maxima, dy] = [inPlanes('output'), inPlanes('dy')];
  const parts: string[] = [];
  /** 1 of the windows whose maximum has not come yet, else 0; null of all. */
  let open: string | null = null;
  for (let row = 0; row < filterHeight; row += 1) {
    for (let column = 0; column < filterWidth; column += 1) {
      const ends: number[] = [
        row + (outHeight - 1) * geometry.strideHeight + 1,
        column + (outWidth - 1) * geometry.strideWidth + 1,
      ];
      const slice = [[row, column], ends, [2, 3], [geometry.strideHeight, geometry.strideWidth]];
      const values = graph.node('Slice', [padded, ...slice.map((numbers) => graph.integers(numbers))]);
      const isMaximum = graph.node('Cast', [graph.node('Equal', [values, maxima])], { to: elementTypes.float32 });
      const isFirst = open === null ? isMaximum : graph.node('Mul', [isMaximum, open]);
      open = graph.node('Sub', [open ?? graph.scalar(1), isFirst]);
      parts.push(graph.node('Mul', [isFirst, dy]));
    }
  }
  const oneHot = new Float32Array(taps * taps);
  for (let tap = 0; tap < taps; tap += 1) oneHot[tap * taps + tap] = 1;
  const places = graph.floats(oneHot, [taps, 1, filterHeight, filterWidth]);
  const covered = (outputs: number, stride: number, before: number, after: number, size: number) =>
    (outputs - 1) * stride - before - after + size;
  const joined = parts.length === 1 ? parts[0]! : graph.node('Concat', parts, { axis: 1 });
  const spread = graph.node('ConvTranspose', [joined, places], {
    ...window(geometry),
    output_padding: [
      inHeight - covered(outHeight, geometry.strideHeight, top, bottom, filterHeight),
      inWidth - covered(outWidth, geometry.strideWidth, left, right, filterWidth),
    ],
  });
  return graph.reshape(spread, [batchSize, inChannels, inHeight, inWidth]);
}

/** 1 / number of real (not padded) values in each window, as AveragePool without padding counts. */
function windowShares(geometry: backend_util.Conv2DInfo): Float32Array {
  const inside = (output: number, stride: number, before: number, size: number, length: number) => {
    const start = output * stride - before;
    return Math.min(start + size, length) - Math.max(start, 0);
  };
  const shares = new Float32Array(geometry.outHeight * geometry.outWidth);
  for (let row = 0; row < geometry.outHeight; row += 1) {
    const rows = inside(row, geometry.strideHeight, geometry.padInfo.top, geometry.filterHeight, geometry.inHeight);
    for (let column = 0; column < geometry.outWidth; column += 1) {
      const columns = inside(
        column,
        geometry.strideWidth,
        geometry.padInfo.left,
        geometry.filterWidth,
        geometry.inWidth,
      );
      shares[row * geometry.outWidth + column] = 1 / (rows * columns);
    }
  }
  return shares;
}
