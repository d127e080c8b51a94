// Batch and group normalisation. Batch norm brings its own gradient: TensorFlow.js's broadcasts per-channel values to
// whole images, which costs several passes over memory; this one needs two sums and one pass.
import * as tf from '@tensorflow/tfjs-core';

export interface NormedBatch {
  readonly value: tf.Tensor;
  readonly mean: tf.Tensor;
  /** With Bessel's correction, as PyTorch keeps it for predictions. */
  readonly unbiasedVariance: tf.Tensor;
}

/** Batch norm of images [batch, h, w, c] by the batch's own mean and (biased) variance. */
export function batchNormOfBatch(x: tf.Tensor4D, scale: tf.Tensor, offset: tf.Tensor, epsilon: number): NormedBatch {
  const [batch, height, width] = x.shape;
  const count = batch * height * width;
  const axes = [0, 1, 2];
  const mean = tf.mul(tf.sum(x, axes), 1 / count);
  const centred = tf.sub(x, mean);
  const variance = tf.mul(tf.sum(tf.mul(centred, centred), axes), 1 / count);
  const inverse = tf.rsqrt(tf.add(variance, epsilon));
  const norm = tf.customGrad((...args) => {
    const [, gamma, beta] = args as tf.Tensor[];
    const save = args[3] as tf.GradSaveFunc;
    const slope = tf.mul(gamma!, inverse);
    save([centred, slope, inverse]);
    const value = tf.add(tf.mul(centred, slope), beta!);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [deviation, factor, inverseStdDev] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
      const sum = tf.sum(dy, axes);
      const dot = tf.sum(tf.mul(dy, deviation), axes);
      const dGamma = tf.mul(dot, inverseStdDev);
      // dx = slope · (dy − deviation · Σ(dy·deviation)·inverse²/n − Σdy/n). The slope comes last, so that a compiler
      // can move it into the filter of the convolution before.
      const ofDeviation = tf.mul(tf.mul(dGamma, inverseStdDev), -1 / count);
      const constant = tf.mul(sum, -1 / count);
      const dx = tf.mul(tf.add(dy, tf.add(tf.mul(deviation, ofDeviation), constant)), factor);
      return [dx, dGamma, sum];
    };
    return { value, gradFunc };
  });
  const value = norm(x, scale, offset);
  return { value, mean, unbiasedVariance: tf.mul(variance, count / Math.max(1, count - 1)) };
}

/** Group norm (arXiv 1803.08494): per image and group of channels, with sums per channel first so that images keep their layout. */
export function groupNorm(
  x: tf.Tensor4D,
  scale: tf.Tensor,
  offset: tf.Tensor,
  groups: number,
  epsilon: number,
): tf.Tensor {
  const [batch, , , channels] = x.shape;
  const ones = tf.ones([batch, groups, channels / groups]);
  const perGroup = (perChannel: tf.Tensor) => {
    const grouped = tf.reshape(perChannel, [batch, groups, channels / groups]);
    return tf.reshape(tf.mul(tf.mean(grouped, 2, true), ones), [batch, 1, 1, channels]);
  };
  const centred = tf.sub(x, perGroup(tf.mean(x, [1, 2])));
  const variance = perGroup(tf.mean(tf.mul(centred, centred), [1, 2]));
  const slope = tf.mul(tf.rsqrt(tf.add(variance, epsilon)), tf.reshape(scale, [1, 1, 1, channels]));
  return tf.add(tf.mul(centred, slope), offset);
}
