// What a run had learnt at its last checkpoint, where its trainer is gone: as if it had been stopped there.
import path from 'node:path';
import type { OperatingPoint } from '../../contract/metrics.ts';
import type { Network } from '../../contract/network.ts';
import type { HyperParameters, PrivacyMeter, TrainJob, TrainOutcome, TrainProgress } from '../../contract/training.ts';
import { youdenPoint } from '../metrics/operating-point.ts';
import { privacyMeter } from '../privacy/privacy-meter.ts';
import { recordedSteps } from '../privacy/step-count.ts';
import { weightSpecifications } from '../networks/weights.ts';
import { lastCheckpoint, type RunPosition, stepsOf, weightsFileName } from './checkpoint.ts';
import { bestEpoch } from './early-stopping.ts';
import { writeRunFile } from './sealed-file.ts';
import { encodeWeights } from './weights-file.ts';

export interface InterruptedRun {
  readonly runFolder: string;
  readonly network: Network;
  /** How many. */
  readonly classes: number;
  readonly engine: TrainJob['engine'];
  readonly hyperParameters: HyperParameters;
  /** What it told last. */
  readonly progress: TrainProgress | null;
}

/**
 * Writes the weights that a stopped run would have left, those of the best epoch where one was validated, and says what became
 * of it; null without a whole checkpoint.
 * @throws Fault 357 when the disk does not take them, 686 when nobody can say what its privacy promise has spent
 */
export function outcomeOfCheckpoint(run: InterruptedRun, onNote: (note: string) => void): TrainOutcome | null {
  const { runFolder, network, classes, engine, progress } = run;
  const checkpoint = lastCheckpoint(runFolder, onNote)?.checkpoint ?? null;
  if (checkpoint === null) return null;
  const weightsFile = path.join(runFolder, weightsFileName);
  const { position, weights, best } = checkpoint;
  // Of a complete run the file is there.
  if (position.outcome !== null) return { ...position.outcome, weightsFile };
  writeRunFile(weightsFile, [encodeWeights(best ?? weights, weightSpecifications(network, classes))]);
  return {
    epochs: position.epochs,
    test: null,
    weightsFile,
    controlVariateFile: null,
    examples: position.examples ?? 0,
    steps: stepsMade(position, run),
    seconds: position.seconds,
    imagesPerSecond: progress?.imagesPerSecond ?? 0,
    engine,
    provider: progress?.device || 'cpu',
    privacy: spentAt(position, run),
    stoppedEarly: true,
    ending: 'stopped',
    batchSize: position.batchSize,
    bestEpoch: best === null ? null : bestEpoch(position.epochs),
    operatingPoint: best === null ? null : operatingPointOf(position),
  };
}

/** Where nothing else tells the steps of an epoch, as if each had one. */
function stepsMade(position: RunPosition, { progress }: InterruptedRun): number {
  return stepsOf(position, progress === null ? 1 : progress.steps / progress.epochs);
}

/** By the steps that its folder counts: what was told last is older than they are. */
function spentAt(position: RunPosition, run: InterruptedRun): PrivacyMeter | null {
  const { runFolder, hyperParameters, progress } = run;
  const told = progress?.privacy ?? null;
  // Of versions that did not tell the images; unknown to all, each counts as in every batch, which is never too little.
  const images = position.examples ?? hyperParameters.batchSize / (told?.sampleRate ?? 1);
  const meterAfter = privacyMeter({ hyperParameters, images, mostPrivateSteps: told?.mostSteps ?? null });
  return meterAfter?.(Math.max(stepsMade(position, run), recordedSteps(runFolder) ?? 0)) ?? null;
}

/** From the validation images of the epoch whose weights are kept: test images have no say in it. */
export function operatingPointOf({ epochs }: Pick<RunPosition, 'epochs'>): OperatingPoint | null {
  const best = bestEpoch(epochs);
  const validation = epochs.find(({ epoch }) => epoch === best)?.validation ?? null;
  return validation === null ? null : youdenPoint(validation);
}
