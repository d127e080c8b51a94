// What an attacker computes who tries to find the images behind an update: the gradient that a guess would give, and how
// the loss changes with the guess's pixels.
import * as tf from '@tensorflow/tfjs-core';
import type { HyperParameters } from '../../contract/training.ts';
import type { NetworkPlan } from '../networks/plan.ts';
import type { Program } from '../networks/program.ts';
import { slotName, stepNames, type TrainingProgram, trainingProgram } from '../networks/training-program.ts';
import { gradientSettings } from './clipped-gradients.ts';
import { gradientName } from './private-update.ts';

export const imageGradientName = 'image-gradient';

export interface MatchedGradients extends Program {
  readonly step: TrainingProgram;
}

/** The gradient of each trainable weight (by `gradientName`) and that of the loss by the images. */
export function matchedGradients(
  plan: NetworkPlan,
  batchSize: number,
  hyperParameters: HyperParameters,
): MatchedGradients {
  const step = trainingProgram(plan, batchSize, gradientSettings(hyperParameters));
  const trainable = plan.weights.filter(({ kind }) => kind === 'trainable');
  const velocity = (name: string) => slotName('momentum', name);
  const velocities = new Set(trainable.map(({ name }) => velocity(name)));
  return {
    step,
    inputs: step.inputs.filter(({ name }) => !velocities.has(name)),
    run(given) {
      const still = trainable.map(({ name, shape }) => [velocity(name), tf.zeros([...shape])] as const);
      const outputs = new Map<string, tf.Tensor>();
      const lossOf = (images: tf.Tensor): tf.Scalar => {
        const made = step.run(new Map([...given, ...still, [stepNames.images, images]]));
        for (const { name } of trainable) outputs.set(gradientName(name), tf.keep(made.get(velocity(name))!));
        return made.get(stepNames.loss)! as tf.Scalar;
      };
      outputs.set(imageGradientName, tf.grad(lossOf)(given.get(stepNames.images)!));
      return outputs;
    },
  };
}
