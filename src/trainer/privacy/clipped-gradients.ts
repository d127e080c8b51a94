// One example's clipped gradient, added to the sums of the batch: a program for one image at a time, so that clipping is
// exact by construction and a batch may have any size.
import * as tf from '@tensorflow/tfjs-core';
import type { HyperParameters } from '../../contract/training.ts';
import type { NetworkPlan } from '../networks/plan.ts';
import type { Program, ProgramInput } from '../networks/program.ts';
import { slotName, stepNames, type TrainingProgram, trainingProgram } from '../networks/training-program.ts';

export const sumName = (weight: string): string => `sum/${weight}`;
/** Euclidean length of the example's gradient over all trainable weights, before clipping. */
export const normName = 'gradient-norm';

export interface ClippedGradients extends Program {
  /** One sum of clipped gradients for each trainable weight. */
  readonly sums: readonly ProgramInput[];
  /** The step whose gradient is clipped: what its images, targets and masks are called. */
  readonly step: TrainingProgram;
}

/** What the gradient of one example depends on; everything else of the settings acts after the noise. */
export function gradientSettings(hyperParameters: HyperParameters): HyperParameters {
  return {
    ...hyperParameters,
    optimiser: 'sgd',
    momentum: 0,
    weightDecay: 0,
    proximalStrength: 0,
    clipNorm: 0,
    privacy: null,
  };
}

/** Each sum + gradient · min(1, clipNorm / ‖gradient‖); the loss and the norm come out as well. */
export function clippedGradients(
  plan: NetworkPlan,
  hyperParameters: HyperParameters,
  clipNorm: number,
): ClippedGradients {
  const step = trainingProgram(plan, 1, gradientSettings(hyperParameters));
  const trainable = plan.weights.filter(({ kind }) => kind === 'trainable');
  const sums = trainable.map(({ name, shape }) => ({ name: sumName(name), shape }));
  // The velocity of momentum 0 is the gradient itself; the update that the step makes of it is not asked for.
  const velocity = (name: string) => slotName('momentum', name);
  const velocities = new Set(trainable.map(({ name }) => velocity(name)));
  return {
    step,
    sums,
    inputs: [...step.inputs.filter(({ name }) => !velocities.has(name)), ...sums],
    run(given) {
      const still = trainable.map(({ name, shape }) => [velocity(name), tf.zeros([...shape])] as const);
      const made = step.run(new Map([...given, ...still]));
      const gradients = trainable.map(({ name }) => made.get(velocity(name))!);
      const squares = gradients.map((gradient) => tf.sum(tf.mul(gradient, gradient)));
      const norm = tf.sqrt(squares.reduce((sum, square) => tf.add(sum, square)));
      const factor = tf.minimum(1, tf.div(clipNorm, tf.maximum(norm, 1e-30)));
      const outputs = new Map<string, tf.Tensor>([
        [stepNames.loss, made.get(stepNames.loss)!],
        [normName, norm],
      ]);
      for (const [index, { name }] of sums.entries()) {
        outputs.set(name, tf.add(given.get(name)!, tf.mul(gradients[index]!, factor)));
      }
      return outputs;
    },
  };
}
