// A network's first weights, drawn by a thread while the caller compiles: a large network's take as long as everything else
// before its first step.
import { Worker } from 'node:worker_threads';
import type { Network } from '../../contract/network.ts';
import { planNetwork } from './plan.ts';
import type { WeightDraw } from './weight-draw.ts';
import { initialWeights, weightDraws } from './weights.ts';

export interface WeightsWanted {
  readonly draws: readonly WeightDraw[];
  readonly seed: number;
}
export type DrawnWeights = (readonly [name: string, values: Float32Array<ArrayBuffer>])[];

/** A network of fewer parameters is drawn before a thread would have begun. */
const leastParameters = 1_000_000;

/** As `initialWeights`, the same values. Never fails later: should the thread be lost, they are drawn here. @throws Fault 300 */
export function initialWeightsAside(
  network: Network,
  classes: number,
  seed: number,
): Promise<Map<string, Float32Array>> {
  const plan = planNetwork(network, classes);
  if (plan.parameters < leastParameters) return Promise.resolve(initialWeights(network, classes, seed));
  const wanted: WeightsWanted = { draws: weightDraws(plan), seed };
  return new Promise((resolve) => {
    let isDrawn = false;
    new Worker(new URL('./weights-worker.ts', import.meta.url), { workerData: wanted })
      .on('message', (weights: DrawnWeights) => {
        isDrawn = true;
        resolve(new Map(weights));
      })
      .on('error', () => {})
      .on('exit', () => {
        if (!isDrawn) resolve(initialWeights(network, classes, seed));
      });
  });
}
