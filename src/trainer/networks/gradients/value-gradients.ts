// Gradients of kernels that work value by value, reduce, reshape or multiply matrices.
import * as tf from '@tensorflow/tfjs-core';

type Shape = number[];

/** dy of a broadcast result, summed back to the operand's shape. */
function summedTo(dy: tf.Tensor, shape: Shape): tf.Tensor {
  const axes = tf.broadcast_util.getReductionAxes(shape, dy.shape);
  return tf.reshape(axes.length > 0 ? tf.sum(dy, axes) : dy, shape);
}

/** dy of a reduction over `axis`, spread over the shape of what was reduced. */
function spreadOver(dy: tf.Tensor, shape: Shape, axis: unknown): tf.Tensor {
  const axes = tf.util.parseAxisParam(axis as number[], shape);
  const kept = shape.map((size, index) => (axes.includes(index) ? 1 : size));
  return tf.mul(tf.reshape(dy, kept), tf.ones(shape));
}

const saved = (tensors: tf.Tensor[]) => tensors as [tf.Tensor, tf.Tensor];

export const valueGradients: tf.GradConfig[] = [
  {
    kernelName: 'Add',
    inputsToSave: ['a', 'b'],
    gradFunc: (dy, tensors) => {
      const [a, b] = saved(tensors);
      return { a: () => summedTo(dy as tf.Tensor, a.shape), b: () => summedTo(dy as tf.Tensor, b.shape) };
    },
  },
  {
    kernelName: 'Sub',
    inputsToSave: ['a', 'b'],
    gradFunc: (dy, tensors) => {
      const [a, b] = saved(tensors);
      return { a: () => summedTo(dy as tf.Tensor, a.shape), b: () => tf.neg(summedTo(dy as tf.Tensor, b.shape)) };
    },
  },
  {
    kernelName: 'Multiply',
    inputsToSave: ['a', 'b'],
    gradFunc: (dy, tensors) => {
      const [a, b] = saved(tensors);
      return {
        a: () => summedTo(tf.mul(dy as tf.Tensor, b), a.shape),
        b: () => summedTo(tf.mul(dy as tf.Tensor, a), b.shape),
      };
    },
  },
  { kernelName: 'Neg', gradFunc: (dy) => ({ x: () => tf.neg(dy as tf.Tensor) }) },
  { kernelName: 'Identity', gradFunc: (dy) => ({ x: () => tf.clone(dy as tf.Tensor) }) },
  { kernelName: 'Cast', gradFunc: (dy) => ({ x: () => tf.clone(dy as tf.Tensor) }) },
  {
    kernelName: 'Relu',
    outputsToSave: [true],
    gradFunc: (dy, tensors) => ({ x: () => tf.mul(dy as tf.Tensor, tf.step(saved(tensors)[0])) }),
  },
  {
    kernelName: 'Sigmoid',
    outputsToSave: [true],
    gradFunc: (dy, tensors) => {
      const [y] = saved(tensors);
      return { x: () => tf.mul(dy as tf.Tensor, tf.mul(y, tf.sub(1, y))) };
    },
  },
  {
    kernelName: 'Rsqrt',
    outputsToSave: [true],
    gradFunc: (dy, tensors) => {
      const [y] = saved(tensors);
      return { x: () => tf.mul(dy as tf.Tensor, tf.mul(tf.mul(y, tf.mul(y, y)), -0.5)) };
    },
  },
  {
    kernelName: 'Reshape',
    inputsToSave: ['x'],
    gradFunc: (dy, tensors) => ({ x: () => tf.reshape(dy as tf.Tensor, saved(tensors)[0].shape) }),
  },
  {
    kernelName: 'Sum',
    inputsToSave: ['x'],
    gradFunc: (dy, tensors, attributes) => ({
      x: () => spreadOver(dy as tf.Tensor, saved(tensors)[0].shape, attributes['axis']),
    }),
  },
  {
    kernelName: 'Mean',
    inputsToSave: ['x'],
    gradFunc: (dy, tensors, attributes) => {
      const [x] = saved(tensors);
      const share = (dy as tf.Tensor).size / x.size;
      return { x: () => spreadOver(tf.mul(dy as tf.Tensor, share), x.shape, attributes['axis']) };
    },
  },
  {
    kernelName: 'Concat',
    saveAllInputs: true,
    gradFunc: (dy, tensors, attributes) => {
      const axis = tf.util.parseAxisParam(attributes['axis'] as number, tensors[0]!.shape)[0]!;
      const sizes = tensors.map(({ shape }) => shape[axis]!);
      const parts = tf.split(dy as tf.Tensor, sizes, axis);
      // TensorFlow.js looks a list's gradients up by position; its type knows names only.
      return parts.map((part) => () => part) as unknown as Record<string, () => tf.Tensor>;
    },
  },
  {
    kernelName: 'BatchMatMul',
    inputsToSave: ['a', 'b'],
    gradFunc: (dy, tensors, attributes) => {
      const [a, b] = saved(tensors);
      const grad = dy as tf.Tensor;
      const [left, right] = [Boolean(attributes['transposeA']), Boolean(attributes['transposeB'])];
      return {
        a: () => (left ? tf.matMul(b, grad, right, true) : tf.matMul(grad, b, false, !right)),
        b: () => (right ? tf.matMul(grad, a, true, left) : tf.matMul(a, grad, !left, false)),
      };
    },
  },
];
