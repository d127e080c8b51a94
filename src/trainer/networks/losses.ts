// Losses of logits, each with its own gradient: one or two passes instead of those of every operation in the formula.
// Classes are the last axis; everything else is an example or a pixel.
import * as tf from '@tensorflow/tfjs-core';

/** Added to numerator and denominator of Dice, in pixels: an absent class that is not predicted counts as found. */
const diceSmoothing = 1;
/** Least 1 − p in the focal loss of a softmax, where it is a difference of float32 numbers. */
const leastDoubt = 1e-7;

/** What the overlap of predicted and true regions is measured with. */
export interface Overlap {
  /** 1 where a pixel is of the class and counts, shape of the logits. */
  readonly truth: tf.Tensor;
  /** 1 where a pixel counts, [batch, height, width, 1]. */
  readonly mask: tf.Tensor;
  /** Weight of each class's Dice, [classes]; they add up to 1. */
  readonly shares: tf.Tensor;
}

/**
 * Σ targets · (1 − p)^γ · (−log p) with p the softmax of the logits: cross-entropy with γ 0, else the focal loss
 * (arXiv 1708.02002). `targets` hold every weight and share. With `overlap`, plus Σ shares · (1 − Dice), soft and over
 * the whole batch (arXiv 1606.04797, without squares).
 */
export function softmaxLoss(logits: tf.Tensor, targets: tf.Tensor, gamma: number, overlap?: Overlap): tf.Scalar {
  const loss = tf.customGrad((...args) => {
    const [z, save] = args as unknown as [tf.Tensor, tf.GradSaveFunc];
    const logP = tf.logSoftmax(z, -1);
    const p = tf.exp(logP);
    // What came in as well: whatever the forward pass leaves behind is gone when the gradient is asked for.
    save([logP, p, targets, ...(overlap === undefined ? [] : [overlap.truth, overlap.mask, overlap.shares])]);
    const weighed = gamma === 0 ? targets : tf.mul(targets, tf.exp(tf.mul(logDoubt(p), gamma)));
    const entropy = tf.neg(tf.sum(tf.mul(weighed, logP)));
    const value = overlap === undefined ? entropy : tf.add(entropy, diceLoss(p, overlap).loss);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [logProbability, probability, target] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
      // d loss / d log p of each class, before the softmax ties the classes together.
      const slope = gamma === 0 ? null : focalSlope(logProbability, probability, gamma);
      const ofEntropy = tf.neg(slope === null ? target : tf.mul(target, slope));
      const pull =
        overlap === undefined
          ? ofEntropy
          : tf.add(
              ofEntropy,
              tf.mul(
                probability,
                diceLoss(probability, { truth: saved[3]!, mask: saved[4]!, shares: saved[5]! }).slope(),
              ),
            );
      const dz = tf.sub(pull, tf.mul(probability, tf.sum(pull, -1, true)));
      return tf.mul(dz, dy);
    };
    return { value, gradFunc };
  });
  return loss(logits) as tf.Scalar;
}

/** log(1 − p). */
function logDoubt(p: tf.Tensor): tf.Tensor {
  return tf.log(tf.maximum(tf.sub(1, p), leastDoubt));
}

/** −d/d log p of (1 − p)^γ · (−log p). */
function focalSlope(logP: tf.Tensor, p: tf.Tensor, gamma: number): tf.Tensor {
  const doubt = logDoubt(p);
  const power = (exponent: number) => tf.exp(tf.mul(doubt, exponent));
  return tf.sub(power(gamma), tf.mul(tf.mul(power(gamma - 1), gamma), tf.mul(p, logP)));
}

/** Σ shares · (1 − Dice), and its derivative by each p. */
function diceLoss(p: tf.Tensor, { truth, mask, shares }: Overlap): { loss: tf.Scalar; slope: () => tf.Tensor } {
  const pixels = [0, 1, 2];
  const common = tf.add(tf.mul(tf.sum(tf.mul(p, truth), pixels), 2), diceSmoothing);
  const sizes = tf.add(tf.sum(tf.mul(p, mask), pixels), tf.add(tf.sum(truth, pixels), diceSmoothing));
  const dice = tf.div(common, sizes);
  const slope = () => {
    // d Dice / dp = (2 · truth − Dice · mask) / sizes
    const perPixel = tf.div(shares, sizes);
    return tf.sub(tf.mul(mask, tf.mul(dice, perPixel)), tf.mul(truth, tf.mul(perPixel, 2)));
  };
  return { loss: tf.sum(tf.mul(shares, tf.sub(1, dice))), slope };
}

/**
 * Σ positives · (1 − p)^γ · (−log p) + negatives · p^γ · (−log(1 − p)) with p the sigmoid of the logits: binary
 * cross-entropy with γ 0, else its focal form. Positives and negatives hold every weight and share.
 */
export function sigmoidLoss(logits: tf.Tensor, positives: tf.Tensor, negatives: tf.Tensor, gamma: number): tf.Scalar {
  const loss = tf.customGrad((...args) => {
    const [z, save] = args as unknown as [tf.Tensor, tf.GradSaveFunc];
    // −log(1 − p) and −log p.
    const against = tf.add(tf.relu(z), tf.log(tf.add(tf.exp(tf.neg(tf.abs(z))), 1)));
    const towards = tf.sub(against, z);
    save([against, towards, positives, negatives]);
    const focused = (coefficients: tf.Tensor, distance: tf.Tensor) =>
      gamma === 0 ? coefficients : tf.mul(coefficients, tf.exp(tf.mul(distance, -gamma)));
    const ofPositives = tf.mul(focused(positives, against), towards);
    const value = tf.sum(tf.add(ofPositives, tf.mul(focused(negatives, towards), against)));
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [minusLogQ, minusLogP, a, b] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
      const [p, q] = [tf.exp(tf.neg(minusLogP)), tf.exp(tf.neg(minusLogQ))];
      // ± d/dz of one term by its coefficient: q + γ · p · (−log p) of a positive, and the reverse of a negative.
      const slope = (own: tf.Tensor, other: tf.Tensor, distance: tf.Tensor) =>
        gamma === 0 ? other : tf.add(other, tf.mul(tf.mul(own, distance), gamma));
      const upwards = tf.mul(focused(b, minusLogP), slope(q, p, minusLogQ));
      const downwards = tf.mul(focused(a, minusLogQ), slope(p, q, minusLogP));
      return tf.mul(tf.sub(upwards, downwards), dy);
    };
    return { value, gradFunc };
  });
  return loss(logits) as tf.Scalar;
}
