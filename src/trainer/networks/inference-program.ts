// Predictions as a program: the running statistics, no dropout, softmax at the end.
import * as tf from '@tensorflow/tfjs-core';
import { forward } from './forward.ts';
import type { NetworkPlan } from './plan.ts';
import type { Program, ProgramInput } from './program.ts';

export const inferenceNames = { images: 'images', probabilities: 'probabilities' } as const;

/** Class probabilities of `batchSize` images by the given weights. */
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
      return new Map([[inferenceNames.probabilities, tf.exp(tf.logSoftmax(logits))]]);
    },
  };
}
