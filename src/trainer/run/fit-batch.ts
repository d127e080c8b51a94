// How many images a step may take in the memory that there is. The number is chosen once and kept with the run: the result
// depends on it, so it must not change when the run is resumed on a day with less memory.
import type { HyperParameters } from '../../contract/training.ts';
import { slotNames } from '../networks/optimisers.ts';
import type { NetworkPlan } from '../networks/plan.ts';

/** What a trainer needs before it has a network: Node, TensorFlow.js, ONNX Runtime. */
const programBytes = 250e6;
/** Bytes of each layer value in a step: itself, its gradient, and what operators work with on the way, as float32. */
const bytesPerValue = 4 * 4;
/** Of the memory that is free, the share that a run may take: other programs grow too. */
const usableShare = 0.7;

/**
 * Bytes that training with batches of this size takes, roughly. Measured peaks lie below it: 283 MB of 410 (cnn-small, 32 images),
 * 905 of 1,201 (resnet18, 16), 711 of 1,289 (unet, 8).
 */
export function trainingBytes(plan: NetworkPlan, batchSize: number, optimiser: HyperParameters['optimiser']): number {
  // Weights and slots twice (a step reads one set and writes the other), gradients, the best weights, a checkpoint on its way.
  const sets = 2 * (1 + slotNames(optimiser).length) + 3;
  return programBytes + plan.parameters * 4 * sets + plan.values * bytesPerValue * batchSize;
}

/** The batch size asked for, halved until a step fits; 1 where nothing does. */
export function fittingBatchSize(
  plan: NetworkPlan,
  { batchSize, optimiser }: Pick<HyperParameters, 'batchSize' | 'optimiser'>,
  freeBytes: number,
): number {
  let fitting = batchSize;
  while (fitting > 1 && trainingBytes(plan, fitting, optimiser) > freeBytes * usableShare) {
    fitting = Math.floor(fitting / 2);
  }
  return fitting;
}
