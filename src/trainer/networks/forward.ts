// A planned network as TensorFlow.js operations: the one place that says what each layer computes.
import * as tf from '@tensorflow/tfjs-core';
import type { Layer } from '../../contract/network.ts';
import { enlarged } from './enlarged.ts';
import { batchNormOfBatch, groupNorm } from './normalisation.ts';
import type { NetworkPlan } from './plan.ts';

export interface ForwardInputs {
  readonly weights: ReadonlyMap<string, tf.Tensor>;
  /** [batch, height, width, channels]. */
  readonly images: tf.Tensor;
  /**
   * While training: the masks of each dropout layer by its id (0 or 1 / (1 − rate)), and batch norm by the batch's own
   * statistics. Null for predictions.
   */
  readonly dropoutMasks: ReadonlyMap<string, tf.Tensor> | null;
  /** Values taken in the place of what these layers would compute, by layer id. */
  readonly replaced?: ReadonlyMap<string, tf.Tensor>;
}

export interface ForwardOutputs {
  /** [batch, classes], or [batch, height, width, classes] when the task is segmentation. */
  readonly logits: tf.Tensor;
  /** The running statistics after this batch, by weight name; empty for predictions. */
  readonly statistics: Map<string, tf.Tensor>;
  /** The value of each layer, and of `input`. */
  readonly values: ReadonlyMap<string, tf.Tensor>;
}

/** Computes the network. Statistics are kept out of any enclosing tidy: the caller disposes them. */
export function forward(plan: NetworkPlan, inputs: ForwardInputs): ForwardOutputs {
  const values = new Map<string, tf.Tensor>([['input', inputs.images]]);
  const statistics = new Map<string, tf.Tensor>();
  for (const { layer, inputs: names } of plan.layers) {
    const read = names.map((name) => values.get(name)!);
    values.set(layer.id, inputs.replaced?.get(layer.id) ?? layerValue(layer, read, inputs, statistics));
  }
  return { logits: values.get(plan.network.output)!, statistics, values };
}

function layerValue(
  layer: Layer,
  read: readonly tf.Tensor[],
  { weights, dropoutMasks }: ForwardInputs,
  statistics: Map<string, tf.Tensor>,
): tf.Tensor {
  const x = read[0]!;
  const image = x as tf.Tensor4D;
  const weight = (part: string) => weights.get(`${layer.id}.${part}`)!;
  const filter = () => weight('filter') as tf.Tensor4D;
  const biased = (value: tf.Tensor, bias: boolean) => (bias ? tf.add(value, weight('bias')) : value);
  switch (layer.op) {
    case 'conv':
      return biased(tf.conv2d(image, filter(), layer.stride, layer.padding), layer.bias);
    case 'depthwise-conv':
      return biased(tf.depthwiseConv2d(image, filter(), layer.stride, layer.padding), layer.bias);
    case 'transposed-conv': {
      const [batch, height, width] = image.shape;
      const side = (size: number) => (size - 1) * layer.stride + layer.kernel;
      const shape: [number, number, number, number] = [batch, side(height), side(width), layer.filters];
      return biased(tf.conv2dTranspose(image, filter(), shape, layer.stride, 'valid'), layer.bias);
    }
    case 'batch-norm': {
      const [scale, offset] = [weight('scale'), weight('offset')];
      const [mean, variance] = [weight('mean'), weight('variance')];
      if (dropoutMasks === null) {
        return tf.batchNorm(
          image,
          mean as tf.Tensor1D,
          variance as tf.Tensor1D,
          offset as tf.Tensor1D,
          scale as tf.Tensor1D,
          layer.epsilon,
        );
      }
      const normed = batchNormOfBatch(image, scale, offset, layer.epsilon);
      const moved = (running: tf.Tensor, now: tf.Tensor) =>
        tf.keep(tf.tidy(() => tf.add(tf.mul(running, layer.momentum), tf.mul(now, 1 - layer.momentum))));
      statistics.set(`${layer.id}.mean`, moved(mean, normed.mean));
      statistics.set(`${layer.id}.variance`, moved(variance, normed.unbiasedVariance));
      return normed.value;
    }
    case 'group-norm':
      return groupNorm(image, weight('scale'), weight('offset'), layer.groups, layer.epsilon);
    case 'instance-norm':
      return groupNorm(image, weight('scale'), weight('offset'), image.shape[3], layer.epsilon);
    case 'relu':
      return tf.relu(x);
    case 'swish':
      return tf.mul(x, tf.sigmoid(x));
    case 'sigmoid':
      return tf.sigmoid(x);
    case 'max-pool':
      return tf.maxPool(image, layer.size, layer.stride, layer.padding);
    case 'average-pool':
      return tf.avgPool(image, layer.size, layer.stride, layer.padding);
    case 'global-average-pool':
      return tf.mean(x, [1, 2]);
    case 'upsample':
      return enlarged(image, layer.factor);
    case 'dropout':
      return dropoutMasks === null ? x : tf.mul(x, dropoutMasks.get(layer.id)!);
    case 'add':
      return tf.add(x, read[1]!);
    case 'multiply': {
      const gate = read[1]!;
      return tf.mul(x, gate.rank === x.rank ? gate : tf.reshape(gate, [gate.shape[0]!, 1, 1, gate.shape[1]!]));
    }
    case 'concat':
      return tf.concat([...read], -1);
    case 'dense': {
      const rows = (x.rank === 2 ? x : tf.reshape(x, [x.shape[0]!, -1])) as tf.Tensor2D;
      return biased(tf.matMul(rows, weight('kernel') as tf.Tensor2D), layer.bias);
    }
  }
}
