// Enlargement by repetition, with the gradient that TensorFlow.js's own build for Node lacks.
import * as tf from '@tensorflow/tfjs-core';

/** Each value of images [batch, h, w, c] becomes a square of `factor` × `factor` values. */
export function enlarged(images: tf.Tensor4D, factor: number): tf.Tensor {
  const [, height, width] = images.shape;
  const enlarge = tf.customGrad((x) => ({
    value: tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [height * factor, width * factor]),
    // The sum over each square.
    gradFunc: (dy: tf.Tensor) => tf.mul(tf.avgPool(dy as tf.Tensor4D, factor, factor, 'valid'), factor * factor),
  }));
  return enlarge(images);
}
