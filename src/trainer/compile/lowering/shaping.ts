// Kernels that only rearrange values.
import { slice_util, util } from '@tensorflow/tfjs-core';
import { kernelUnsupported } from '../faults.ts';
import { physicalAxis } from './layout.ts';
import type { LoweringTable } from './rule.ts';

export const shaping: LoweringTable = {
  Reshape: ({ inputs, output }, lowering) => lowering.reshaped(lowering.get(inputs['x']!), output.shape),
  ExpandDims: ({ inputs, output }, lowering) => lowering.reshaped(lowering.get(inputs['input']!), output.shape),
  Tile: ({ inputs, output, attributes }, lowering) => {
    const value = lowering.get(inputs['x']!);
    const repeats = attributes['reps'] as number[];
    const spreads = value.shape.every((size, axis) => size === 1 || repeats[axis] === 1);
    if (spreads && value.kind === 'held') return { kind: 'repeated', of: value, shape: output.shape };
    const tiled = lowering.graph.node('Tile', [lowering.plain(value), lowering.graph.integers(repeats)]);
    return lowering.held(tiled, output.shape, 'plain');
  },
  // As `enlarged` uses it: whole factors, each value repeated.
  ResizeNearestNeighbor: ({ inputs, output }, lowering) => {
    const { graph } = lowering;
    const images = inputs['images']!;
    const factors = [1, 1, output.shape[1]! / images.shape[1]!, output.shape[2]! / images.shape[2]!];
    if (!factors.every(Number.isInteger)) throw kernelUnsupported('ResizeNearestNeighbor', 'needs whole factors');
    const operands = [lowering.image(lowering.get(images)), '', graph.floats(Float32Array.from(factors), [4])];
    const modes = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
    return lowering.held(graph.node('Resize', operands, modes), output.shape, 'image');
  },
  Transpose: ({ inputs, output, attributes }, lowering) => {
    const value = lowering.plain(lowering.get(inputs['x']!));
    return lowering.held(lowering.graph.transpose(value, attributes['perm'] as number[]), output.shape, 'plain');
  },
  Concat: ({ inputs, output, attributes }, lowering) => {
    const values = Object.values(inputs).map((input) => lowering.get(input));
    const axis = util.parseAxisParam(attributes['axis'] as number, [...output.shape])[0]!;
    const layout = output.shape.length === 4 ? 'image' : 'plain';
    const names = values.map((value) => (layout === 'image' ? lowering.image(value) : lowering.plain(value)));
    const joined = lowering.graph.node('Concat', names, { axis: physicalAxis(axis, layout) });
    return lowering.held(joined, output.shape, layout);
  },
  Slice: ({ inputs, output, attributes }, lowering) => {
    const value = lowering.get(inputs['x']!);
    const shape = { shape: [...value.shape] } as Parameters<typeof slice_util.parseSliceParams>[0];
    const [begin, size] = slice_util.parseSliceParams(
      shape,
      attributes['begin'] as number[],
      attributes['size'] as number[],
    ) as [number[], number[]];
    const layout = value.kind === 'held' ? value.layout : 'plain';
    const name = value.kind === 'held' ? value.name : lowering.plain(value);
    const cut = lowering.graph.node('Slice', [
      name,
      lowering.graph.integers(begin),
      lowering.graph.integers(begin.map((start, axis) => start + size[axis]!)),
      lowering.graph.integers(begin.map((_, axis) => physicalAxis(axis, layout))),
    ]);
    return lowering.held(cut, output.shape, layout);
  },
};
