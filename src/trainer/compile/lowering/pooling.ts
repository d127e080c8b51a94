// Pools and their gradients.
import type { backend_util } from '@tensorflow/tfjs-core';
import { kernelUnsupported } from '../faults.ts';
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

/** Where a provider has no indices: dy goes to every value that equals its window's maximum. */
function gradientByEquality(call: KernelCall, geometry: backend_util.Conv2DInfo, lowering: Lowering): string {
  const { graph } = lowering;
  const { filterHeight, filterWidth, outHeight, outWidth, inHeight, inWidth, batchSize, inChannels } = geometry;
  const tiles = outHeight * filterHeight === inHeight && outWidth * filterWidth === inWidth;
  if (!tiles || filterHeight !== geometry.strideHeight || filterWidth !== geometry.strideWidth) {
    throw kernelUnsupported('MaxPoolGrad', 'needs windows that tile the image on this provider');
  }
  const whole = [batchSize, inChannels, inHeight, inWidth];
  const planes = batchSize * inChannels;
  const enlarged = (name: string) => {
    const split = graph.reshape(name, [planes, outHeight, 1, outWidth, 1]);
    return graph.reshape(
      graph.node('Expand', [split, graph.integers([planes, outHeight, filterHeight, outWidth, filterWidth])]),
      whole,
    );
  };
  const x = lowering.image(lowering.get(call.inputs['input']!));
  const isMaximum = graph.node('Equal', [x, enlarged(lowering.image(lowering.get(call.inputs['output']!)))]);
  return graph.node('Where', [isMaximum, enlarged(lowering.image(lowering.get(call.inputs['dy']!))), graph.scalar(0)]);
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
