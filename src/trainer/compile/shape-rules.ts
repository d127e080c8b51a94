// Shape and type of each traced kernel's result.
import { backend_util, slice_util, util } from '@tensorflow/tfjs-core';
import type { TracedValue } from './tape.ts';

type Inputs = Readonly<Record<string, TracedValue>>;
type Attributes = Readonly<Record<string, unknown>>;
export type ShapeRule = (inputs: Inputs, attributes: Attributes) => { shape: readonly number[]; dtype: string };

const unary = [
  'Relu',
  'Step',
  'Sigmoid',
  'Tanh',
  'Square',
  'Sqrt',
  'Rsqrt',
  'Exp',
  'Log',
  'Neg',
  'Identity',
  'ZerosLike',
  'OnesLike',
  'Abs',
];
const binary = ['Add', 'Sub', 'Multiply', 'RealDiv', 'Maximum', 'Minimum'];

export const shapeRules: Record<string, ShapeRule> = {
  ...Object.fromEntries(unary.map((name) => [name, ((inputs) => like(inputs['x']!)) satisfies ShapeRule])),
  ...Object.fromEntries(
    binary.map((name) => [
      name,
      (({ a, b }) => ({
        shape: backend_util.assertAndGetBroadcastShape([...a!.shape], [...b!.shape]),
        dtype: a!.dtype,
      })) satisfies ShapeRule,
    ]),
  ),
  Cast: ({ x }, { dtype }) => ({ shape: x!.shape, dtype: String(dtype) }),
  Fill: (_, { shape, dtype }) => ({ shape: shape as number[], dtype: (dtype as string | undefined) ?? 'float32' }),
  AddN: (inputs) => like(inputs['0']!),
  Reshape: ({ x }, { shape }) => ({
    shape: util.inferFromImplicitShape(shape as number[], util.sizeFromShape([...x!.shape])),
    dtype: x!.dtype,
  }),
  ExpandDims: ({ input }, { dim }) => {
    const shape = [...input!.shape];
    const place = dim as number;
    shape.splice(place < 0 ? shape.length + 1 + place : place, 0, 1);
    return { shape, dtype: input!.dtype };
  },
  Sum: ({ x }, { axis, keepDims }) => reduced(x!, axis, keepDims),
  Mean: ({ x }, { axis, keepDims }) => reduced(x!, axis, keepDims),
  Max: ({ x }, { reductionIndices, keepDims }) => reduced(x!, reductionIndices, keepDims),
  Tile: ({ x }, { reps }) => ({
    shape: x!.shape.map((size, index) => size * (reps as number[])[index]!),
    dtype: x!.dtype,
  }),
  Transpose: ({ x }, { perm }) => ({ shape: (perm as number[]).map((axis) => x!.shape[axis]!), dtype: x!.dtype }),
  Concat: (inputs, { axis }) => {
    const shapes = Object.values(inputs).map(({ shape }) => [...shape]);
    const place = util.parseAxisParam(axis as number, shapes[0]!)[0]!;
    return { shape: backend_util.computeOutShape(shapes, place), dtype: 'float32' };
  },
  Slice: ({ x }, { begin, size }) => ({
    shape: slice_util.parseSliceParams({ shape: [...x!.shape] } as never, begin as number[], size as number[])[1]!,
    dtype: x!.dtype,
  }),
  BatchMatMul: ({ a, b }, { transposeA, transposeB }) => {
    const rows = a!.shape.at(transposeA ? -1 : -2)!;
    const columns = b!.shape.at(transposeB ? -2 : -1)!;
    return { shape: [...a!.shape.slice(0, -2), rows, columns], dtype: 'float32' };
  },
  Conv2D: ({ x, filter }, attributes) => ({
    shape: convolution(x!.shape, filter!.shape, attributes).outShape,
    dtype: 'float32',
  }),
  Conv2DBackpropInput: (_, { inputShape }) => ({ shape: inputShape as number[], dtype: 'float32' }),
  Conv2DBackpropFilter: (_, { filterShape }) => ({ shape: filterShape as number[], dtype: 'float32' }),
  DepthwiseConv2dNative: ({ x, filter }, attributes) => ({
    shape: convolution(x!.shape, filter!.shape, attributes, true).outShape,
    dtype: 'float32',
  }),
  DepthwiseConv2dNativeBackpropInput: (_, { inputShape }) => ({ shape: inputShape as number[], dtype: 'float32' }),
  DepthwiseConv2dNativeBackpropFilter: (_, { filterShape }) => ({ shape: filterShape as number[], dtype: 'float32' }),
  MaxPool: ({ x }, attributes) => ({ shape: pooling(x!.shape, attributes).outShape, dtype: 'float32' }),
  AvgPool: ({ x }, attributes) => ({ shape: pooling(x!.shape, attributes).outShape, dtype: 'float32' }),
  MaxPoolGrad: ({ input }) => like(input!),
  AvgPoolGrad: ({ input }) => like(input!),
  FusedBatchNorm: ({ x }) => like(x!),
  ResizeNearestNeighbor: ({ images }, { size }) => {
    const [batch, , , channels] = images!.shape;
    return { shape: [batch!, ...(size as number[]), channels!], dtype: 'float32' };
  },
};

/** Geometry of a convolution kernel's call. */
export function convolution(
  input: readonly number[],
  filter: readonly number[],
  attributes: Attributes,
  depthwise = false,
): backend_util.Conv2DInfo {
  return backend_util.computeConv2DInfo(
    [...input] as [number, number, number, number],
    [...filter] as [number, number, number, number],
    attributes['strides'] as number,
    (attributes['dilations'] as number | undefined) ?? 1,
    attributes['pad'] as number,
    attributes['dimRoundingMode'] as 'floor',
    depthwise,
  );
}

/** Geometry of a pooling kernel's call. */
export function pooling(input: readonly number[], attributes: Attributes): backend_util.Conv2DInfo {
  return backend_util.computePool2DInfo(
    [...input] as [number, number, number, number],
    attributes['filterSize'] as number,
    attributes['strides'] as number,
    1,
    attributes['pad'] as number,
    attributes['dimRoundingMode'] as 'floor',
  );
}

function like(value: TracedValue): { shape: readonly number[]; dtype: string } {
  return { shape: value.shape, dtype: value.dtype };
}

function reduced(x: TracedValue, axis: unknown, keepDims: unknown): { shape: readonly number[]; dtype: string } {
  const axes = util.parseAxisParam(axis as number[], [...x.shape]);
  const shape = keepDims
    ? x.shape.map((size, index) => (axes.includes(index) ? 1 : size))
    : x.shape.filter((_, index) => !axes.includes(index));
  return { shape, dtype: x.dtype };
}
