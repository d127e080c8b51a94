// A run from its first step to its last weights: what it works with, where it stands, what it keeps on the disk, how it measures itself.
import type { Metrics, OperatingPoint } from '../../contract/metrics.ts';
import type { PrivacyMeter, SplitName, TrainJob, TrainOutcome } from '../../contract/training.ts';
import type { TrainingSession } from '../engines/engine.ts';
import { privacyMeter } from '../privacy/privacy-meter.ts';
import { openPrivateRun, type PrivateRun } from '../privacy/private-run.ts';
import { recordedSteps } from '../privacy/step-count.ts';
import { type BatchSource, batchSource } from './batches.ts';
import type { DatasetFile } from './dataset-file.ts';
import { deviceNote } from './device-note.ts';
import { isOutOfPatience } from './early-stopping.ts';
import { finite } from './finite.ts';
import { measureSplit } from './measure-split.ts';
import { type PreparedRun, prepareRun } from './prepare-run.ts';
import type { TrainSurroundings } from './train.ts';
import type { Weights } from './weights-file.ts';
import { type WorkAtStake, workAtStake } from './work-at-stake.ts';

export interface OngoingRun extends Omit<PreparedRun, 'found' | 'opened'> {
  readonly job: TrainJob;
  readonly session: TrainingSession;
  /** On which the last step was made: a session may move. */
  device: string;
  /** Null without a privacy promise. */
  readonly privately: PrivateRun | null;
  readonly clock: () => number;
  readonly atStake: WorkAtStake;
  /** Weights of the epoch with the lowest validation loss; null while none was validated. */
  best: Weights | null;
  /** What the promise has cost so far; null without one. */
  readonly spent: PrivacyMeter | null;
  /** Takes the step that was made into what is spent. */
  account(): void;
  isBudgetSpent(): boolean;
  /** Whether no further epoch is to begin. */
  isTrained(): boolean;
  /** Writes a checkpoint. */
  save(): void;
  /** The weights are no longer those to go on from: the checkpoint stays as it is from now on. */
  endTraining(): void;
  /** Those that the job wants measured. */
  toMeasure(split: SplitName): Int32Array;
  /** Null where there is nothing to measure, or it was stopped on the way. */
  measure(split: SplitName, operatingPoint?: OperatingPoint | null): Promise<Metrics | null>;
}

/**
 * Takes the run up where its folder says that it stands; the outcome where it is complete there.
 * @param mostImages of a step; fewer where the memory asks for it
 * @throws what preparing it throws
 */
export async function takeUpRun(
  dataset: DatasetFile,
  job: TrainJob,
  surroundings: TrainSurroundings,
  mostImages: number,
): Promise<OngoingRun | { readonly outcome: TrainOutcome }> {
  const { control, onProgress, onNote, clock = () => performance.now() } = surroundings;
  const { hyperParameters, seed, idleShare } = job;
  const meterAfter = privacyMeter({ ...job, images: dataset.examplesOf('train').length });
  // Told before anything is done: a run that is resumed and ends at once has spent it.
  let spent: PrivacyMeter | null = meterAfter?.(recordedSteps(job.runFolder) ?? 0) ?? null;
  const prepared = await prepareRun(dataset, job, surroundings, {
    mostImages,
    onProgress: (told) => onProgress({ ...told, privacy: spent }),
  });
  if ('outcome' in prepared) return prepared;
  const { found, opened, ...parts } = prepared;
  const { examples, start, variates, folder, batchSize, batchesPerEpoch, position, progress } = parts;
  const { session } = opened;
  const whyThisDevice = deviceNote(session.provider, opened.passedOver);
  if (whyThisDevice !== null) onNote(whyThisDevice);
  progress.begin(session);
  session.setWeights(found?.weights ?? start);
  session.setOptimiserState(found?.optimiser ?? opened.initialOptimiserState);
  if (hyperParameters.proximalStrength > 0) session.setProximalCentre(start);
  if (variates !== null) session.setDriftCorrection(variates.correction);

  const images = batchSource(dataset, 1, seed);
  const inCheckpoint = { batchesPerEpoch, stepsInCheckpoint: position.steps };
  const privately = openPrivateRun({ job, session, examples, images, ...inCheckpoint });
  spent = privately?.meter() ?? null;

  const batches: BatchSource = batchSource(dataset, batchSize, seed);
  const earlierSeconds = position.seconds;
  const startedAt = clock();
  const atStake = workAtStake(clock);
  const writeCheckpoint = (): void => {
    position.seconds = earlierSeconds + (clock() - startedAt) / 1_000;
    const weights = finite(session.weights(), `epoch ${position.epoch + 1}`);
    folder.save({ position, weights, optimiser: session.optimiserState(), best: run.best });
    privately?.settle();
  };
  let keepTraining = writeCheckpoint;
  /** Keeps whatever goes on now: a training, or a measurement. */
  let keep = keepTraining;
  control.watchWaits(() => {
    atStake.keep(keep);
    progress.report({ state: control.isPaused ? 'paused' : 'waiting', position, waitsFor: control.waitsFor }, true);
  });

  const run: OngoingRun = {
    ...parts,
    job,
    session,
    device: session.provider,
    privately,
    clock,
    atStake,
    best: found?.best ?? null,
    get spent() {
      return spent;
    },
    account: () => void (spent = privately?.meter() ?? null),
    isBudgetSpent: () => privately?.mayStep() === false,
    isTrained: () =>
      position.epoch === hyperParameters.epochs ||
      run.isBudgetSpent() ||
      isOutOfPatience(position.epochs, hyperParameters.patience),
    save: () => atStake.keep(writeCheckpoint),
    endTraining() {
      keepTraining = () => {};
      keep = keepTraining;
    },
    toMeasure: (split) => (job.evaluate ? dataset.examplesOf(split) : new Int32Array()),
    async measure(split, operatingPoint = null) {
      const chosen = run.toMeasure(split);
      if (chosen.length === 0) return null;
      const begunAt = performance.now();
      progress.measuring({ position }, split === 'test');
      const measured = { session, dataset, batches, batchSize, folder, atStake, control, progress, clock, idleShare };
      const metrics = await measureSplit(
        { ...measured, split, examples: chosen, operatingPoint, keepTraining },
        (keepMeasured) => (keep = keepMeasured),
      );
      keep = keepTraining;
      progress.measured(performance.now() - begunAt);
      return metrics;
    },
  };
  return run;
}
