// The learning rate of each step.
import type { HyperParameters } from '../../contract/training.ts';

export type Schedule = Pick<
  HyperParameters,
  'schedule' | 'learningRate' | 'warmupSteps' | 'epochs' | 'stepEpochs' | 'stepFactor'
>;

/**
 * Learning rate of step `step` (0-based) out of `steps`: constant; half a cosine from `learningRate` towards 0
 * (Loshchilov and Hutter, arXiv 1608.03983, without restarts); or multiplied by `stepFactor` after every `stepEpochs`
 * epochs. It first rises linearly over `warmupSteps`; the cosine begins after them.
 */
export function learningRateAt(plan: Schedule, step: number, steps: number): number {
  const warmth = step < plan.warmupSteps ? (step + 1) / plan.warmupSteps : 1;
  return plan.learningRate * warmth * shareAt(plan, step, steps);
}

function shareAt({ schedule, warmupSteps, epochs, stepEpochs, stepFactor }: Schedule, step: number, steps: number) {
  if (schedule === 'constant') return 1;
  if (schedule === 'step') {
    const epoch = steps > 0 ? Math.floor((step * epochs) / steps) : 0;
    return stepFactor ** Math.floor(epoch / stepEpochs);
  }
  const progress = Math.max(0, step - warmupSteps) / Math.max(steps - warmupSteps, 1);
  return (1 + Math.cos(Math.PI * progress)) / 2;
}
