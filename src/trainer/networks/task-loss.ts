// Which loss a task has, which inputs of the step it reads, and how labels become targets inside of the graph.
import * as tf from '@tensorflow/tfjs-core';
import { notLabelled } from '../../contract/dataset.ts';
import type { HyperParameters } from '../../contract/training.ts';
import { lossOfOtherTask } from './faults.ts';
import { lossOf } from './loss-of.ts';
import { sigmoidLoss, softmaxLoss } from './losses.ts';
import type { NetworkPlan } from './plan.ts';
import type { ProgramInput } from './program.ts';

/** Names of the loss's inputs in the step's program. */
export const targetNames = {
  /** Classification: smoothed one-hot rows; multi-label: smoothed 0 and 1. [batch, classes] */
  targets: 'targets',
  /** Segmentation: the class of each pixel, 255 where there is none. [batch, height, width] */
  pixelLabels: 'pixel-labels',
  /** Share in the loss of each example, or (segmentation) of each pixel of an example. [batch] */
  shares: 'shares',
  /** Segmentation: factor of each class; multi-label: factor of its positives. [classes] */
  classWeights: 'class-weights',
} as const;

export interface TaskLoss {
  readonly inputs: readonly ProgramInput[];
  /** The loss of a batch's logits, with its gradient by them. */
  of(logits: tf.Tensor, input: (name: string) => tf.Tensor): tf.Scalar;
}

/** The loss of a planned network. @throws Fault 304 */
export function taskLoss({ network, classes }: NetworkPlan, batchSize: number, hyper: HyperParameters): TaskLoss {
  const loss = lossOf(network.task, hyper.loss);
  const gamma = loss === 'focal' ? hyper.focalGamma : 0;
  const shares = { name: targetNames.shares, shape: [batchSize] };
  const classWeights = { name: targetNames.classWeights, shape: [classes] };
  if (network.task !== 'segmentation') {
    const targets = { name: targetNames.targets, shape: [batchSize, classes] };
    if (network.task === 'classification') {
      return {
        inputs: [targets, shares],
        of: (logits, input) =>
          softmaxLoss(logits, tf.mul(input(targets.name), tf.reshape(input(shares.name), [batchSize, 1])), gamma),
      };
    }
    return {
      inputs: [targets, shares, classWeights],
      of(logits, input) {
        const share = tf.mul(tf.reshape(input(shares.name), [batchSize, 1]), 1 / classes);
        const positives = tf.mul(tf.mul(input(targets.name), input(classWeights.name)), share);
        return sigmoidLoss(logits, positives, tf.mul(tf.sub(1, input(targets.name)), share), gamma);
      },
    };
  }
  // One class alone has no softmax.
  if (classes === 1 && loss !== 'binary-cross-entropy')
    throw lossOfOtherTask(loss, 'segmentation of one class', ['binary-cross-entropy']);
  const { height, width } = network.input;
  const pixelLabels = { name: targetNames.pixelLabels, shape: [batchSize, height, width] };
  return {
    inputs: [pixelLabels, shares, classWeights],
    of(logits, input) {
      const labels = tf.reshape(input(pixelLabels.name), [batchSize, height, width, 1]);
      const share = tf.reshape(input(shares.name), [batchSize, 1, 1, 1]);
      const isLabelled = tf.step(tf.sub(notLabelled - 0.5, labels));
      const truth = oneHot(labels, classes);
      const weights = input(classWeights.name);
      if (loss === 'binary-cross-entropy') {
        const pixelShare = tf.mul(tf.mul(isLabelled, share), 1 / classes);
        const negatives = tf.mul(tf.sub(1, truth), pixelShare);
        return sigmoidLoss(logits, tf.mul(tf.mul(truth, pixelShare), weights), negatives, 0);
      }
      const ofClass = tf.mul(tf.sum(tf.mul(truth, weights), -1, true), share);
      const smoothed = smooth(truth, hyper.labelSmoothing, classes);
      const targets = tf.mul(smoothed, ofClass);
      if (loss !== 'dice-cross-entropy') return softmaxLoss(logits, targets, gamma);
      // Padded examples have no share and do not count; the background's Dice does not either.
      const counts = tf.step(share);
      const foreground = tf.mul(weights, foregroundMask(classes));
      return softmaxLoss(logits, targets, 0, {
        truth: tf.mul(truth, counts),
        mask: tf.mul(isLabelled, counts),
        shares: tf.div(foreground, tf.sum(foreground)),
      });
    },
  };
}

/** 1 in the class of each label, [..., classes] of whole numbers [..., 1]; nothing where a label is no class. */
function oneHot(labels: tf.Tensor, classes: number): tf.Tensor {
  // Of one class alone, 1 is the class and 0 the background.
  const indices = classes === 1 ? [1] : Array.from({ length: classes }, (_, index) => index);
  return tf.relu(tf.sub(1, tf.abs(tf.sub(labels, tf.tensor1d(indices)))));
}

function smooth(truth: tf.Tensor, smoothing: number, classes: number): tf.Tensor {
  return smoothing === 0 ? truth : tf.add(tf.mul(truth, 1 - smoothing), smoothing / classes);
}

function foregroundMask(classes: number): tf.Tensor {
  return tf.tensor1d(Array.from({ length: classes }, (_, index) => (index === 0 ? 0 : 1)));
}
