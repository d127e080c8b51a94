// What a training with a privacy promise has spent: of its settings, its images, and the steps that it may have released.
import type { HyperParameters, PrivacyMeter } from '../../contract/training.ts';
import { lossByStep, stepsWithin } from './rdp-accountant.ts';

export interface MeteredTraining {
  readonly hyperParameters: Pick<HyperParameters, 'privacy' | 'batchSize'>;
  /** Of the training split, each of which may be in a batch. */
  readonly images: number;
  /** What else bounds its steps; null where only its own ε does. */
  readonly mostPrivateSteps: number | null;
}

/** The meter after so many steps, cheap to ask again and again; null without a promise. @throws Fault 680 */
export function privacyMeter({
  hyperParameters: { privacy, batchSize },
  images,
  mostPrivateSteps,
}: MeteredTraining): ((steps: number) => PrivacyMeter) | null {
  if (privacy === null) return null;
  const { noiseMultiplier, delta, maxEpsilon } = privacy;
  const training = { sampleRate: Math.min(1, batchSize / images), noiseMultiplier };
  const lossAfter = lossByStep(training, delta);
  const mostSteps = Math.min(stepsWithin(maxEpsilon, training, delta), mostPrivateSteps ?? Infinity);
  return (steps) => ({ ...lossAfter(steps), ...training, delta, budget: maxEpsilon, steps, mostSteps });
}
