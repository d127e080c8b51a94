// The training loop, from a job to its weights. Deterministic on the CPU: interrupted anywhere and started again in the
// same folder, it ends in the same weights, bit for bit (but for noise, which is always fresh).
import type { Metrics, OperatingPoint } from '../../contract/metrics.ts';
import type { Epoch, PrivacyMeter, SplitName, TrainJob, TrainOutcome, TrainProgress } from '../../contract/training.ts';
import { isOutOfMemory } from '../engines/faults.ts';
import { notFinite } from '../faults.ts';
import { openPrivateRun } from '../privacy/private-run.ts';
import { type Batch, batchSource } from './batches.ts';
import { operatingPointOf } from './checkpoint-outcome.ts';
import { bestEpoch, isOutOfPatience } from './early-stopping.ts';
import { type DatasetFile, openDatasetFile } from './dataset-file.ts';
import { deviceNote } from './device-note.ts';
import { divergenceNote } from './divergence-note.ts';
import { causeOf, finite } from './finite.ts';
import { measureSplit } from './measure-split.ts';
import { mayShrink, prepareRun } from './prepare-run.ts';
import { type PrefetchedBatches, prefetchedBatches } from './prefetched-batches.ts';
import { shuffled } from './random.ts';
import { restAfter, type RunControl } from './run-control.ts';
import { learningRateAt } from './schedule.ts';
import type { SessionCache } from './session-cache.ts';
import { encodeWeights } from './weights-file.ts';
import { workAtStake } from './work-at-stake.ts';

export interface TrainSurroundings {
  readonly sessions: SessionCache;
  readonly control: RunControl;
  readonly onProgress: (progress: TrainProgress) => void;
  readonly onEpoch: (epoch: Epoch) => void;
  /** Something that the run survived and its reader should know. */
  readonly onNote: (note: string) => void;
  /** Milliseconds that only grow, by which checkpoints are due; the machine's unless a test has its own. */
  readonly clock?: () => number;
}

/**
 * Trains until the epochs are done, patience is at its end, or `control` stops it; all return an outcome with a weights file. A run found
 * half-done in the folder goes on from its last checkpoint and tells its earlier epochs again; a complete one returns
 * its outcome at once. With `job.evaluate` the weights are those of the epoch with the lowest validation loss, else
 * (or without validation images, or with a privacy promise) the last ones.
 * @throws Fault 350–353 (data set), 354 (loss not finite), 355 (initial weights), 356–357 (run folder).
 */
export async function train(job: TrainJob, surroundings: TrainSurroundings): Promise<TrainOutcome> {
  const dataset = openDatasetFile(job.datasetFile);
  const sources: PrefetchedBatches[] = [];
  const closeSources = async (): Promise<void> => {
    for (const source of sources.splice(0)) await source.close();
  };
  const prefetch = (batchSize: number): PrefetchedBatches => {
    const source = prefetchedBatches(dataset, { datasetFile: job.datasetFile, batchSize, seed: job.seed });
    sources.push(source);
    return source;
  };
  try {
    let provider = job.provider;
    for (let mostImages = job.hyperParameters.batchSize; ;) {
      try {
        return await trainOn(dataset, prefetch, { ...job, provider }, surroundings, mostImages);
      } catch (error) {
        if (!mayShrink(job) || !isOutOfMemory(error) || (mostImages === 1 && provider !== 'auto')) throw error;
        await surroundings.sessions.close();
        await closeSources();
        if (mostImages > 1) mostImages = Math.floor(mostImages / 2);
        else {
          // A device whose memory does not hold a single image is left for the CPU and all that was asked for.
          surroundings.onNote('The memory of the device here does not hold one image: the CPU trains.');
          provider = 'cpu';
          mostImages = job.hyperParameters.batchSize;
        }
      }
    }
  } finally {
    await closeSources();
    dataset.close();
  }
}

async function trainOn(
  dataset: DatasetFile,
  prefetch: (batchSize: number) => PrefetchedBatches,
  job: TrainJob,
  surroundings: TrainSurroundings,
  mostImages: number,
): Promise<TrainOutcome> {
  const { control, onProgress, onEpoch, onNote, clock = () => performance.now() } = surroundings;
  const { hyperParameters, seed } = job;
  let spent: PrivacyMeter | null = null;
  const prepared = await prepareRun(dataset, job, surroundings, {
    mostImages,
    onProgress: (told) => onProgress({ ...told, privacy: spent }),
  });
  if ('outcome' in prepared) return prepared.outcome;
  const { examples, specifications, start, variates, folder, found } = prepared;
  const { batchSize, batchesPerEpoch, steps, position, progress, opened } = prepared;
  const prefetched = prefetch(batchSize);
  let best = found?.best ?? null;
  const { session } = opened;
  const whyThisDevice = deviceNote(session.provider, opened.passedOver);
  if (whyThisDevice !== null) onNote(whyThisDevice);
  let device = session.provider;
  progress.begin(session);
  session.setWeights(found?.weights ?? start);
  session.setOptimiserState(found?.optimiser ?? opened.initialOptimiserState);
  if (hyperParameters.proximalStrength > 0) session.setProximalCentre(start);
  if (variates !== null) session.setDriftCorrection(variates.correction);

  const privately = openPrivateRun({
    job,
    session,
    examples,
    images: batchSource(dataset, 1, seed),
    batchesPerEpoch,
    stepsInCheckpoint: position.steps,
  });
  spent = privately?.meter() ?? null;

  const batches = batchSource(dataset, batchSize, seed);
  const earlierSeconds = position.seconds;
  const startedAt = clock();
  const atStake = workAtStake(clock);
  let slowestStepMs = 0;
  const writeCheckpoint = (): void => {
    position.seconds = earlierSeconds + (clock() - startedAt) / 1_000;
    const weights = finite(session.weights(), `epoch ${position.epoch + 1}`);
    folder.save({ position, weights, optimiser: session.optimiserState(), best });
    privately?.settle();
  };
  const save = (): void => atStake.keep(writeCheckpoint);
  /** Keeps whatever goes on now: a training, or a measurement. */
  let keep = writeCheckpoint;
  control.watchWaits(() => {
    atStake.keep(keep);
    progress.report({ state: control.isPaused ? 'paused' : 'waiting', position, waitsFor: control.waitsFor }, true);
  });
  const toMeasure = (split: SplitName): Int32Array => (job.evaluate ? dataset.examplesOf(split) : new Int32Array());
  const measure = async (
    split: SplitName,
    keepTraining: () => void,
    operatingPoint: OperatingPoint | null = null,
  ): Promise<Metrics | null> => {
    const chosen = toMeasure(split);
    if (chosen.length === 0) return null;
    const begunAt = performance.now();
    progress.measuring({ position }, split === 'test');
    const parts = { session, dataset, batches, batchSize, folder, atStake, control, progress, clock };
    const { idleShare } = job;
    const metrics = await measureSplit(
      { ...parts, split, examples: chosen, operatingPoint, idleShare, keepTraining },
      (keepMeasured) => (keep = keepMeasured),
    );
    keep = keepTraining;
    progress.measured(performance.now() - begunAt);
    return metrics;
  };

  const isBudgetSpent = (): boolean => privately?.mayStep() === false;
  const isTrained = (): boolean =>
    position.epoch === hyperParameters.epochs ||
    isBudgetSpent() ||
    isOutOfPatience(position.epochs, hyperParameters.patience);
  // An epoch that a budget ended before its time is measured, too.
  while ((position.batch > 0 || !isTrained()) && !control.isStopped) {
    const order = shuffled(examples, seed, position.epoch);
    const batchOf = async (batch: number): Promise<Batch | null> =>
      batch < batchesPerEpoch
        ? (privately?.batch ??
          (await prefetched.batchAt(order, batch * batchSize, hyperParameters.augment ? position.epoch : null)))
        : null;
    let next = await batchOf(position.batch);
    while (next !== null) {
      await control.turn();
      if (control.isStopped || isBudgetSpent()) break;
      const stepStartedAt = clock();
      const step = position.steps;
      const { count } = next;
      const learningRate = learningRateAt(hyperParameters, step, steps);
      // The next batch is made while the engine computes, where it does so outside of this thread.
      const stepping = timed(privately?.step(learningRate, position.epoch) ?? session.step({ ...next, learningRate }));
      const makingFrom = performance.now();
      const making = timed(batchOf(position.batch + 1));
      // What is made before the engine begins, and what is not there when it has ended, keeps it waiting.
      const blockedMs = performance.now() - makingFrom;
      const [stepped, following] = await Promise.all([stepping, making]);
      const loss = stepped.value;
      if (!Number.isFinite(loss)) {
        const where = `epoch ${position.epoch + 1}, step ${position.batch + 1} of ${batchesPerEpoch}`;
        throw notFinite('the loss', where, causeOf(next, learningRate, session));
      }
      next = following.value;
      if (session.provider !== device) {
        onNote(
          `${device} failed in step ${step + 1} and the ${session.provider} took over without losing it: ${session.movedBecause ?? ''}`,
        );
        device = session.provider;
      }
      position.batch += 1;
      position.steps += 1;
      position.lossSum += loss * count;
      spent = privately?.meter() ?? null;
      await restAfter(clock() - stepStartedAt, job.idleShare, control);
      const milliseconds = clock() - stepStartedAt;
      slowestStepMs = Math.max(slowestStepMs, milliseconds);
      const dataWaitMs = Math.min(milliseconds, blockedMs + Math.max(0, following.endedAt - stepped.endedAt));
      progress.stepDone({ loss, images: count, milliseconds, dataWaitMs, learningRate });
      if (atStake.isDue(slowestStepMs)) save();
      progress.report({ state: 'training', position }, false);
    }
    if (control.isStopped) break;
    const validation = await measure('validation', writeCheckpoint);
    if (control.isStopped) break;
    // A budget may end an epoch before its time.
    const seen = privately === null ? examples.length : position.batch * privately.batch.count;
    const epoch = { epoch: position.epoch + 1, loss: position.lossSum / seen, validation };
    // A promise covers no choice by validation: its weights are the last ones.
    const isBest =
      validation !== null && privately === null && (position.bestLoss === null || validation.loss < position.bestLoss);
    if (isBest) {
      position.bestLoss = validation.loss;
      best = session.weights();
    }
    position.epochs.push(epoch);
    position.epoch += 1;
    position.batch = 0;
    position.lossSum = 0;
    save();
    onEpoch(epoch);
  }
  if (control.isStopped) save();
  // From here on the weights are no longer those to go on from: the checkpoint stays as it is.
  keep = () => {};
  const lastWeights = session.weights();
  const finalWeights = finite(best ?? lastWeights, 'at the end');
  session.setWeights(finalWeights);
  folder.saveWeights(encodeWeights(finalWeights, specifications));
  const done = position.epoch * batchesPerEpoch + position.batch;
  if (variates !== null && done > 0) {
    folder.saveControlVariate(variates.next({ start, end: lastWeights, done, steps }));
  }
  const operatingPoint = privately === null ? operatingPointOf(position) : null;
  const test = isTrained() ? await measure('test', keep, operatingPoint) : null;
  const isComplete = isTrained() && (test !== null || toMeasure('test').length === 0);
  const outcome: TrainOutcome = {
    epochs: position.epochs,
    test,
    weightsFile: folder.weightsFile,
    controlVariateFile: variates === null ? null : folder.controlVariateFile,
    examples: examples.length,
    steps: position.steps,
    seconds: position.seconds,
    imagesPerSecond: progress.imagesPerSecond(),
    engine: job.engine,
    provider: session.provider,
    privacy: spent,
    // A stop that came after the last result changed nothing.
    stoppedEarly: !isComplete,
    batchSize,
    ending: !isComplete
      ? 'stopped'
      : position.epoch === hyperParameters.epochs
        ? 'all-epochs'
        : isBudgetSpent()
          ? 'budget'
          : 'patience',
    bestEpoch: privately === null ? bestEpoch(position.epochs) : null,
    operatingPoint,
  };
  if (isComplete) {
    const divergence = divergenceNote(position.epochs, dataset.header.classes.length);
    if (divergence !== null) onNote(divergence);
    // Weights of a complete run are in their file; the checkpoint keeps only what tells that it is complete.
    folder.save({ position: { ...position, outcome }, weights: new Map(), optimiser: new Map(), best: null });
    folder.forgetMeasured();
  }
  return outcome;
}

/** The value with the time at which it was there. */
async function timed<Value>(promise: Promise<Value>): Promise<{ value: Value; endedAt: number }> {
  const value = await promise;
  return { value, endedAt: performance.now() };
}
