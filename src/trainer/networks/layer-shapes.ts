// The shape rule of each layer, for one image. A rule answers a shape, or the reason why there is none.
import { backend_util as shapeRules } from '@tensorflow/tfjs-core';
import type { Layer } from '../../contract/network.ts';

type Shape = readonly number[];

/** Shape of the layer's value without the batch, or a clause that says what is wrong (“needs an image …”). */
export function outputShape(layer: Layer, inputs: readonly Shape[], classes: number): Shape | string {
  const first = inputs[0]!;
  switch (layer.op) {
    case 'conv':
    case 'depthwise-conv': {
      const filters = layer.op === 'conv' ? counted(layer.filters, classes) : first[2]!;
      return image(first) ? window(first, layer.kernel, layer.stride, layer.padding, filters) : needsImage;
    }
    case 'max-pool':
    case 'average-pool':
      return image(first) ? window(first, layer.size, layer.stride, layer.padding, first[2]!) : needsImage;
    case 'transposed-conv': {
      if (!image(first)) return needsImage;
      if (layer.kernel < layer.stride) return 'has a stride larger than its kernel';
      const side = (size: number) => (size - 1) * layer.stride + layer.kernel;
      return [side(first[0]!), side(first[1]!), layer.filters];
    }
    case 'group-norm':
      if (!image(first)) return needsImage;
      return first[2]! % layer.groups === 0 ? first : `divides ${first[2]} channels into ${layer.groups} groups`;
    case 'batch-norm':
    case 'instance-norm':
      return image(first) ? first : needsImage;
    case 'upsample':
      return image(first) ? [first[0]! * layer.factor, first[1]! * layer.factor, first[2]!] : needsImage;
    case 'relu':
    case 'swish':
    case 'sigmoid':
    case 'dropout':
      return first;
    case 'global-average-pool':
      return image(first) ? [first[2]!] : needsImage;
    case 'add':
    case 'multiply':
      return joined(first, inputs[1]!, layer.op);
    case 'concat':
      return concatenated(inputs);
    case 'dense':
      return [counted(layer.units, classes)];
  }
}

/** A number of filters or units, which may be the data set's number of classes. */
export function counted(size: number | 'classes', classes: number): number {
  return size === 'classes' ? classes : size;
}

/** Multiplications of the layer for one image, without those that only follow the size of its values. */
export function multiplications(layer: Layer, inputs: readonly Shape[], shape: Shape): number {
  const sizeOf = (values: Shape) => values.reduce((total, size) => total * size, 1);
  const first = inputs[0]!;
  switch (layer.op) {
    case 'conv':
      return sizeOf(shape) * layer.kernel ** 2 * first[2]!;
    case 'depthwise-conv':
      return sizeOf(shape) * layer.kernel ** 2;
    case 'transposed-conv':
      return sizeOf(first) * layer.kernel ** 2 * layer.filters;
    case 'max-pool':
    case 'average-pool':
      return sizeOf(shape) * layer.size ** 2;
    case 'dense':
      return sizeOf(first) * sizeOf(shape);
    default:
      return sizeOf(shape);
  }
}

const needsImage = 'needs an image (height × width × channels) as its input';

function image(shape: Shape): boolean {
  return shape.length === 3;
}

function window(
  input: Shape,
  size: number,
  stride: number,
  padding: 'same' | 'valid' | number,
  filters: number,
): Shape | string {
  if (typeof padding === 'number' && padding >= size) return 'is padded by its whole window or more';
  const [height, width, channels] = input as [number, number, number];
  const shape4: [number, number, number, number] = [1, height, width, channels];
  const { outHeight, outWidth } = shapeRules.computePool2DInfo(shape4, size, stride, 1, padding);
  if (outHeight < 1 || outWidth < 1) return `has a window of ${size} on an image of ${height} × ${width}`;
  return [outHeight, outWidth, filters];
}

/** Equal shapes, or (for gates) one value per channel times an image. */
function joined(a: Shape, b: Shape, op: 'add' | 'multiply'): Shape | string {
  if (a.join() === b.join()) return a;
  if (op === 'multiply' && image(a) && b.length === 1 && a[2] === b[0]) return a;
  return `joins values of [${a.join(' × ')}] and [${b.join(' × ')}]`;
}

function concatenated(inputs: readonly Shape[]): Shape | string {
  const first = inputs[0]!;
  const outer = first.slice(0, -1).join();
  if (inputs.some((shape) => shape.slice(0, -1).join() !== outer)) return 'joins images of different sizes';
  return [...first.slice(0, -1), inputs.reduce((total, shape) => total + shape.at(-1)!, 0)];
}
