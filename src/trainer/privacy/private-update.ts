// What the optimiser makes of the noisy mean gradient: a program of its own, since nothing in it sees an image.
import * as tf from '@tensorflow/tfjs-core';
import type { HyperParameters } from '../../contract/training.ts';
import { slotNames, updated } from '../networks/optimisers.ts';
import type { NetworkPlan } from '../networks/plan.ts';
import type { Program, ProgramInput } from '../networks/program.ts';
import { centreName, slotName, stepNames } from '../networks/training-program.ts';

export const gradientName = (weight: string): string => `gradient/${weight}`;

export interface PrivateUpdate extends Program {
  readonly slots: readonly ProgramInput[];
  readonly centre: readonly ProgramInput[];
}

/** The next value of each weight and slot. FedProx's pull comes after the noise: it depends on no image. */
export function privateUpdate(plan: NetworkPlan, hyperParameters: HyperParameters): PrivateUpdate {
  const trainable = plan.weights.filter(({ kind }) => kind === 'trainable');
  const slotKinds = slotNames(hyperParameters.optimiser);
  const strength = hyperParameters.proximalStrength;
  const named = (nameOf: (weight: string) => string): ProgramInput[] =>
    trainable.map(({ name, shape }) => ({ name: nameOf(name), shape }));
  const slots = slotKinds.flatMap((slot) => named((name) => slotName(slot, name)));
  const centre = strength > 0 ? named(centreName) : [];
  const scalarNames = [
    stepNames.learningRate,
    ...(hyperParameters.optimiser === 'sgd' ? [] : [stepNames.firstCorrection, stepNames.secondCorrection]),
  ];
  return {
    slots,
    centre,
    inputs: [
      ...scalarNames.map((name) => ({ name, shape: [] })),
      ...named(gradientName),
      ...named((name) => name),
      ...slots,
      ...centre,
    ],
    run(given) {
      const outputs = new Map<string, tf.Tensor>();
      const scalars = {
        learningRate: given.get(stepNames.learningRate)!,
        firstCorrection: given.get(stepNames.firstCorrection) ?? tf.scalar(1),
        secondCorrection: given.get(stepNames.secondCorrection) ?? tf.scalar(1),
      };
      for (const { name } of trainable) {
        const weight = given.get(name)!;
        const noisy = given.get(gradientName(name))!;
        const pull = strength > 0 ? tf.mul(tf.sub(weight, given.get(centreName(name))!), strength) : null;
        const before = slotKinds.map((slot) => given.get(slotName(slot, name))!);
        const after = updated(weight, pull === null ? noisy : tf.add(noisy, pull), before, scalars, hyperParameters);
        outputs.set(name, after.weight);
        for (const [place, slot] of slotKinds.entries()) outputs.set(slotName(slot, name), after.slots[place]!);
      }
      return outputs;
    },
  };
}
