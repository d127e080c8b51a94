// Weights in memory and their safetensors form. An update (weight delta) has the same type: names, shapes, values.
import {
  decodeTensorFile,
  encodeTensorFile,
  type ElementType,
  float32Tensor,
  float32Values,
  tensorFileRoom,
} from '../../contract/safetensors.ts';
import { aggregationFault } from './faults.ts';

export interface WeightTensor {
  readonly shape: readonly number[];
  /** Row-major; as many as the product of `shape`. */
  readonly values: Float32Array;
}

/** A network's weights by tensor name, in the network's order. */
export type Weights = ReadonlyMap<string, WeightTensor>;

/** Names and shapes of weights, in the network's order. */
export type WeightLayout = ReadonlyMap<string, { readonly shape: readonly number[] }>;

/** How many values a tensor of this shape has. */
export function valueCount(shape: readonly number[]): number {
  return shape.reduce((total, size) => total * size, 1);
}

/**
 * Decodes float32 weights. The values may be views on `bytes`: do not change those afterwards.
 * @throws Fault 610 when the bytes are not a tensor file, 554 when a tensor is not float32.
 */
export function decodeWeights(bytes: Uint8Array): Weights {
  const weights = new Map<string, WeightTensor>();
  for (const [name, tensor] of decodeTensorFile(bytes).tensors) {
    if (tensor.elementType !== 'F32') throw aggregationFault.otherCodec(tensor.elementType, 'F32');
    weights.set(name, { shape: tensor.shape, values: float32Values(tensor) });
  }
  return weights;
}

/** Encodes weights as a float32 tensor file; equal weights in equal order give equal bytes. */
export function encodeWeights(weights: Weights, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const tensors = new Map([...weights].map(([name, { shape, values }]) => [name, float32Tensor(values, shape)]));
  return encodeTensorFile({ tensors, metadata });
}

/** Weights of this layout, all 0, that lie in their own tensor file: what is written to them stands in its bytes. */
export function weightsInFile(layout: WeightLayout): { readonly weights: Weights; readonly bytes: Uint8Array } {
  const elementType: ElementType = 'F32';
  const { bytes, tensors } = tensorFileRoom(
    new Map([...layout].map(([name, { shape }]) => [name, { elementType, shape }])),
    {},
  );
  const weights = new Map<string, WeightTensor>();
  for (const [name, { shape }] of layout) {
    weights.set(name, { shape, values: float32Values({ elementType, shape, bytes: tensors.get(name)! }) });
  }
  return { weights, bytes };
}

/** How many numbers weights of this layout hold. */
export function parameterCount(layout: WeightLayout): number {
  let count = 0;
  for (const { shape } of layout.values()) count += valueCount(shape);
  return count;
}
