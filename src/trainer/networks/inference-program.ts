// Predictions as a program: the running statistics, no dropout, softmax or (several classes at once) sigmoid at the end.
import * as tf from '@tensorflow/tfjs-core';
import { forward } from './forward.ts';
import type { NetworkPlan } from './plan.ts';
import type { Program, ProgramInput } from './program.ts';

export const inferenceNames = { images: 'images', probabilities: 'probabilities' } as const;

/** Values of one image in the result. */
export function outputSize({ network, classes }: NetworkPlan): number {
  return network.task === 'segmentation' ? network.input.height * network.input.width * classes : classes;
}

/** Class probabilities of `batchSize` images, or of their pixels, by the given weights. */
export function inferenceProgram(plan: NetworkPlan, batchSize: number): Program & { readonly state: ProgramInput[] } {
  const { height, width, channels } = plan.network.input;
  const state = plan.weights.map(({ name, shape }) => ({ name, shape }));
  return {
    state,
    inputs: [{ name: inferenceNames.images, shape: [batchSize, height, width, channels] }, ...state],
    run(given) {
      const { logits } = forward(plan, {
        weights: given,
        images: given.get(inferenceNames.images)!,
        dropoutMasks: null,
      });
      return new Map([[inferenceNames.probabilities, probabilities(logits, plan)]]);
    },
  };
}

function probabilities(logits: tf.Tensor, { network, classes }: NetworkPlan): tf.Tensor {
  const isEachAlone = network.task === 'multi-label' || classes === 1;
  return isEachAlone ? tf.sigmoid(logits) : tf.exp(tf.logSoftmax(logits, -1));
}
