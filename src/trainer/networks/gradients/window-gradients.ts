// Gradients of convolutions and pools: each is a kernel of its own.
import * as tf from '@tensorflow/tfjs-core';

type Kernel = Record<string, unknown>;

function run(kernel: string, inputs: Record<string, tf.Tensor>, attributes: Kernel): tf.Tensor {
  return tf.engine().runKernel(kernel, inputs, attributes as tf.NamedAttrMap);
}

export const windowGradients: tf.GradConfig[] = [
  {
    kernelName: 'Conv2D',
    inputsToSave: ['x', 'filter'],
    gradFunc: (dy, [x, filter], attributes) => ({
      x: () =>
        run('Conv2DBackpropInput', { dy: dy as tf.Tensor, filter: filter! }, { ...attributes, inputShape: x!.shape }),
      filter: () =>
        run('Conv2DBackpropFilter', { x: x!, dy: dy as tf.Tensor }, { ...attributes, filterShape: filter!.shape }),
    }),
  },
  {
    // What a transposed convolution is made of.
    kernelName: 'Conv2DBackpropInput',
    inputsToSave: ['dy', 'filter'],
    gradFunc: (ddx, [dy, filter], attributes) => ({
      dy: () => run('Conv2D', { x: ddx as tf.Tensor, filter: filter! }, { ...attributes, dilations: 1 }),
      filter: () =>
        run('Conv2DBackpropFilter', { x: ddx as tf.Tensor, dy: dy! }, { ...attributes, filterShape: filter!.shape }),
    }),
  },
  {
    kernelName: 'DepthwiseConv2dNative',
    inputsToSave: ['x', 'filter'],
    gradFunc: (dy, [x, filter], attributes) => ({
      x: () =>
        run(
          'DepthwiseConv2dNativeBackpropInput',
          { dy: dy as tf.Tensor, filter: filter! },
          { ...attributes, inputShape: x!.shape },
        ),
      filter: () =>
        run(
          'DepthwiseConv2dNativeBackpropFilter',
          { x: x!, dy: dy as tf.Tensor },
          { ...attributes, filterShape: filter!.shape },
        ),
    }),
  },
  {
    kernelName: 'MaxPool',
    inputsToSave: ['x'],
    outputsToSave: [true],
    gradFunc: (dy, [input, output], attributes) => ({
      x: () => run('MaxPoolGrad', { dy: dy as tf.Tensor, input: input!, output: output! }, attributes),
    }),
  },
  {
    kernelName: 'AvgPool',
    inputsToSave: ['x'],
    gradFunc: (dy, [input], attributes) => ({
      x: () => run('AvgPoolGrad', { dy: dy as tf.Tensor, input: input! }, attributes),
    }),
  },
];
