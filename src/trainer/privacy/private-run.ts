// What a run with a privacy promise does in place of an ordinary step: a batch of chance, clipped gradients, noise, and a
// budget that ends it before the step that would overspend.
import type { PrivacyMeter, TrainJob } from '../../contract/training.ts';
import type { PrivateSession, TrainingSession } from '../engines/engine.ts';
import type { Batch, BatchSource } from '../run/batches.ts';
import { checkDelta, privacyFault } from './faults.ts';
import { poissonSample } from './noise.ts';
import { privacyMeter } from './privacy-meter.ts';
import { openStepCount } from './step-count.ts';

export interface PrivateRun {
  /** Stands for the batch of a step, which is chosen when the step is made; its count is the mean. */
  readonly batch: Batch;
  /** Whether the budget allows one more step. */
  mayStep(): boolean;
  /** Returns the mean loss of the batch; that of the batch before where chance chose no image. */
  step(learningRate: number, epoch: number): Promise<number>;
  meter(): PrivacyMeter;
  /** To be called when the run pauses or ends: nothing is counted any more that was not made. */
  settle(): void;
}

export interface PrivateRunParts {
  readonly job: Pick<TrainJob, 'runFolder' | 'hyperParameters' | 'mostPrivateSteps'>;
  readonly session: TrainingSession;
  /** Training examples: who may be in a batch. */
  readonly examples: Int32Array;
  /** Makes batches of one image. */
  readonly images: BatchSource;
  readonly batchesPerEpoch: number;
  readonly stepsInCheckpoint: number;
}

/** Null without privacy settings. @throws Fault 684, 685, 686 */
export function openPrivateRun(parts: PrivateRunParts): PrivateRun | null {
  const { job, session, examples, images, batchesPerEpoch, stepsInCheckpoint } = parts;
  const { privacy, augment } = job.hyperParameters;
  const meterAfter = privacyMeter({ ...job, images: examples.length });
  if (privacy === null || meterAfter === null) return null;
  if (!isPrivate(session)) throw new Error('the engine opened no private session');
  checkDelta(privacy.delta, examples.length);
  const { sampleRate, mostSteps } = meterAfter(0);
  const count = openStepCount(job.runFolder, stepsInCheckpoint);
  if (count.steps === 0 && mostSteps === 0) throw privacyFault.budgetSpent(privacy.maxEpsilon);
  let lastLoss = 0;
  const nothing = { images: new Float32Array(), labels: new Int32Array(), exampleWeights: new Float32Array() };
  return {
    batch: { ...nothing, count: examples.length / batchesPerEpoch },
    mayStep: () => count.steps < mostSteps,
    async step(learningRate, epoch) {
      count.add();
      const sample = poissonSample(examples, sampleRate, session.chance);
      let losses = 0;
      for (let place = 0; place < sample.length; place += 1) {
        const image = images.batchAt(sample, place, augment ? epoch : null);
        losses += await session.accumulate({ ...image, learningRate });
      }
      await session.release(learningRate);
      if (sample.length > 0) lastLoss = losses / sample.length;
      return lastLoss;
    },
    meter: () => meterAfter(count.steps),
    settle: () => count.settle(),
  };
}

function isPrivate(session: TrainingSession): session is PrivateSession {
  return 'accumulate' in session;
}
