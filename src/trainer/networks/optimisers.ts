// Optimiser updates in TensorFlow.js operations, equal to PyTorch's of the same name. What depends on the step's number
// is computed outside, in double precision, and comes in as a scalar.
import * as tf from '@tensorflow/tfjs-core';
import type { HyperParameters } from '../../contract/training.ts';

const firstDecay = 0.9;
const secondDecay = 0.999;
const epsilon = 1e-8;

export interface Update {
  readonly weight: tf.Tensor;
  /** The new values of the optimiser's slots, in the order of `slotNames`. */
  readonly slots: readonly tf.Tensor[];
}

export interface StepScalars {
  readonly learningRate: tf.Tensor;
  /** 1 / (1 − β₁ᵗ) and 1 / √(1 − β₂ᵗ), both 1 for SGD. */
  readonly firstCorrection: tf.Tensor;
  readonly secondCorrection: tf.Tensor;
}

/** What the optimiser remembers for each trainable weight. */
export function slotNames(optimiser: HyperParameters['optimiser']): readonly string[] {
  return optimiser === 'sgd' ? ['momentum'] : ['first-moment', 'second-moment'];
}

/** The bias corrections of Adam (arXiv 1412.6980) for step 1, 2, …. */
export function biasCorrections(step: number): { first: number; second: number } {
  return { first: 1 / (1 - firstDecay ** step), second: 1 / Math.sqrt(1 - secondDecay ** step) };
}

/** One weight's update by SGD with momentum, Adam or AdamW. Weight decay spares vectors (biases, scales, offsets). */
export function updated(
  weight: tf.Tensor,
  gradient: tf.Tensor,
  slots: readonly tf.Tensor[],
  scalars: StepScalars,
  { optimiser, momentum, weightDecay }: HyperParameters,
): Update {
  const decay = weight.rank > 1 ? weightDecay : 0;
  const decoupled = optimiser === 'adamw';
  const pull = decay > 0 && !decoupled ? tf.add(gradient, tf.mul(weight, decay)) : gradient;
  if (optimiser === 'sgd') {
    const velocity = tf.add(tf.mul(slots[0]!, momentum), pull);
    return { weight: tf.sub(weight, tf.mul(velocity, scalars.learningRate)), slots: [velocity] };
  }
  const first = tf.add(tf.mul(slots[0]!, firstDecay), tf.mul(pull, 1 - firstDecay));
  const second = tf.add(tf.mul(slots[1]!, secondDecay), tf.mul(tf.mul(pull, pull), 1 - secondDecay));
  const spread = tf.add(tf.mul(tf.sqrt(second), scalars.secondCorrection), epsilon);
  const stride = tf.mul(scalars.learningRate, scalars.firstCorrection);
  const kept = decay > 0 && decoupled ? tf.sub(weight, tf.mul(weight, tf.mul(scalars.learningRate, decay))) : weight;
  return { weight: tf.sub(kept, tf.mul(tf.div(first, spread), stride)), slots: [first, second] };
}
