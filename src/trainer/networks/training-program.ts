// One training step as a program: forward, loss, gradients, optimiser. Random and step-dependent things are inputs.
import * as tf from '@tensorflow/tfjs-core';
import type { HyperParameters } from '../../contract/training.ts';
import { forward } from './forward.ts';
import { registerGradients } from './gradients/register-gradients.ts';
import { slotNames, updated } from './optimisers.ts';
import type { NetworkPlan } from './plan.ts';
import type { Program, ProgramInput } from './program.ts';
import { targetNames, taskLoss } from './task-loss.ts';

/** Names of the program's inputs and outputs that are not weights or slots. */
export const stepNames = {
  images: 'images',
  ...targetNames,
  learningRate: 'learning-rate',
  firstCorrection: 'first-correction',
  secondCorrection: 'second-correction',
  loss: 'loss',
} as const;

export const slotName = (slot: string, weight: string): string => `${slot}/${weight}`;
export const centreName = (weight: string): string => `centre/${weight}`;
export const correctionName = (weight: string): string => `correction/${weight}`;
export const maskName = (layer: string): string => `mask/${layer}`;

/** Whether the program takes and returns this tensor from step to step (weights, statistics, slots). */
export interface TrainingProgram extends Program {
  readonly state: readonly ProgramInput[];
  readonly centre: readonly ProgramInput[];
  /** What SCAFFOLD adds to the gradients; empty without it. */
  readonly corrections: readonly ProgramInput[];
  readonly masks: readonly (ProgramInput & { readonly layer: string; readonly rate: number })[];
}

/** The training step of a planned network; outputs are the loss and the next value of each state tensor, by its name. */
export function trainingProgram(
  plan: NetworkPlan,
  batchSize: number,
  hyperParameters: HyperParameters,
  { isCorrected = false }: { isCorrected?: boolean } = {},
): TrainingProgram {
  const objective = taskLoss(plan, batchSize, hyperParameters);
  const trainable = plan.weights.filter(({ kind }) => kind === 'trainable');
  const slots = slotNames(hyperParameters.optimiser);
  const strength = hyperParameters.proximalStrength;
  const { height, width, channels } = plan.network.input;
  const state: ProgramInput[] = [
    ...plan.weights.map(({ name, shape }) => ({ name, shape })),
    ...slots.flatMap((slot) => trainable.map(({ name, shape }) => ({ name: slotName(slot, name), shape }))),
  ];
  const centre = strength > 0 ? trainable.map(({ name, shape }) => ({ name: centreName(name), shape })) : [];
  const corrections = isCorrected ? trainable.map(({ name, shape }) => ({ name: correctionName(name), shape })) : [];
  const masks = plan.layers.flatMap(({ layer, shape }) =>
    layer.op === 'dropout' && layer.rate > 0
      ? [{ name: maskName(layer.id), shape: [batchSize, ...shape], layer: layer.id, rate: layer.rate }]
      : [],
  );
  const adaptive = hyperParameters.optimiser !== 'sgd';
  const inputs: ProgramInput[] = [
    { name: stepNames.images, shape: [batchSize, height, width, channels] },
    ...objective.inputs,
    { name: stepNames.learningRate, shape: [] },
    ...(adaptive ? [stepNames.firstCorrection, stepNames.secondCorrection].map((name) => ({ name, shape: [] })) : []),
    ...masks.map(({ name, shape }) => ({ name, shape })),
    ...state,
    ...centre,
    ...corrections,
  ];
  return { inputs, state, centre, corrections, masks, run };

  function run(given: ReadonlyMap<string, tf.Tensor>): Map<string, tf.Tensor> {
    registerGradients();
    const input = (name: string) => given.get(name)!;
    const values = trainable.map(({ name }) => input(name));
    const statistics = new Map<string, tf.Tensor>();
    const dropoutMasks = new Map(
      plan.layers.map(({ layer }) => [layer.id, given.get(maskName(layer.id)) ?? tf.scalar(1)]),
    );
    const lossOf = (...weights: tf.Tensor[]): tf.Scalar => {
      const all = new Map(plan.weights.map(({ name }) => [name, input(name)]));
      for (const [index, { name }] of trainable.entries()) all.set(name, weights[index]!);
      const result = forward(plan, { weights: all, images: input(stepNames.images), dropoutMasks });
      for (const [name, value] of result.statistics) statistics.set(name, value);
      return objective.of(result.logits, input);
    };
    const { value: dataLoss, grads } = tf.valueAndGrads(lossOf)(values);
    let loss: tf.Tensor = dataLoss;
    const outputs = new Map<string, tf.Tensor>(statistics);
    const scalars = {
      learningRate: input(stepNames.learningRate),
      firstCorrection: given.get(stepNames.firstCorrection) ?? tf.scalar(1),
      secondCorrection: given.get(stepNames.secondCorrection) ?? tf.scalar(1),
    };
    let gradients = grads;
    if (strength > 0) {
      const drifts = trainable.map(({ name }, index) => tf.sub(values[index]!, input(centreName(name))));
      gradients = gradients.map((gradient, index) => tf.add(gradient, tf.mul(drifts[index]!, strength)));
      for (const drift of drifts) loss = tf.add(loss, tf.mul(tf.sum(tf.mul(drift, drift)), strength / 2));
    }
    if (hyperParameters.clipNorm > 0) gradients = clipped(gradients, hyperParameters.clipNorm);
    if (isCorrected)
      gradients = gradients.map((gradient, index) => tf.add(gradient, input(correctionName(trainable[index]!.name))));
    for (const [index, { name }] of trainable.entries()) {
      const weight = values[index]!;
      const gradient = gradients[index]!;
      const before = slots.map((slot) => input(slotName(slot, name)));
      const after = updated(weight, gradient, before, scalars, hyperParameters);
      outputs.set(name, after.weight);
      for (const [place, slot] of slots.entries()) outputs.set(slotName(slot, name), after.slots[place]!);
    }
    outputs.set(stepNames.loss, loss);
    return outputs;
  }
}

/** The gradients, scaled together to at most this global norm. */
function clipped(gradients: readonly tf.Tensor[], clipNorm: number): tf.Tensor[] {
  const squares = gradients.map((gradient) => tf.sum(tf.mul(gradient, gradient)));
  const norm = tf.sqrt(squares.reduce((total, square) => tf.add(total, square)));
  const factor = tf.div(clipNorm, tf.maximum(norm, clipNorm));
  return gradients.map((gradient) => tf.mul(gradient, factor));
}
