// The learning rate of each step.
import type { HyperParameters } from '../../contract/training.ts';

/**
 * Learning rate of step `step` (0-based) out of `steps`: constant, or half a cosine from `learningRate` towards 0
 * (Loshchilov and Hutter, arXiv 1608.03983, without restarts).
 */
export function learningRateAt(
  { schedule, learningRate }: Pick<HyperParameters, 'schedule' | 'learningRate'>,
  step: number,
  steps: number,
): number {
  if (schedule === 'constant') return learningRate;
  return (learningRate / 2) * (1 + Math.cos((Math.PI * step) / Math.max(steps, 1)));
}
