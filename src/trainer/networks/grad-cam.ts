// Where a classifier looked: Grad-CAM (Selvaraju et al., arXiv 1610.02391) as a program, compiled as every other one.
import * as tf from '@tensorflow/tfjs-core';
import { networkUnusable } from './faults.ts';
import { forward } from './forward.ts';
import { registerGradients } from './gradients/register-gradients.ts';
import type { NetworkPlan } from './plan.ts';
import type { Program } from './program.ts';

export const gradCamNames = { images: 'images', target: 'target', heat: 'heat' } as const;

/** The last layer whose value still has places: its maps are weighed. @throws Fault 300 for a network without one */
export function mappedLayer(plan: NetworkPlan): { id: string; height: number; width: number } {
  const last = plan.layers.findLast(({ shape }) => shape.length === 3);
  if (last === undefined)
    throw networkUnusable(plan.network.name, plan.network.output, 'looks at no places of an image');
  return { id: last.layer.id, height: last.shape[0]!, width: last.shape[1]! };
}

/**
 * Heat [1, height, width] of one image, at the size of the mapped layer: its maps, weighed by the mean gradient of the
 * target's logit (`target` is [1, classes], 1 at the class), where that is positive.
 */
export function gradCamProgram(plan: NetworkPlan): Program {
  const { height, width, channels } = plan.network.input;
  const { id } = mappedLayer(plan);
  return {
    inputs: [
      { name: gradCamNames.images, shape: [1, height, width, channels] },
      { name: gradCamNames.target, shape: [1, plan.classes] },
      ...plan.weights.map(({ name, shape }) => ({ name, shape })),
    ],
    run(given) {
      registerGradients();
      const inputs = { weights: given, images: given.get(gradCamNames.images)!, dropoutMasks: null };
      const maps = forward(plan, inputs).values.get(id)!;
      const score = (value: tf.Tensor): tf.Scalar => {
        const { logits } = forward(plan, { ...inputs, replaced: new Map([[id, value]]) });
        return tf.sum(tf.mul(logits, given.get(gradCamNames.target)!));
      };
      const gradient = tf.grad(score)(maps);
      const weights = tf.mean(gradient, [1, 2], true);
      return new Map([[gradCamNames.heat, tf.relu(tf.sum(tf.mul(maps, weights), -1))]]);
    },
  };
}
