// The training loop, from a job to its weights. Deterministic on the CPU: interrupted anywhere and started again in the
// same folder, it ends in the same weights, bit for bit.
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { Metrics } from '../../contract/metrics.ts';
import type { Epoch, SplitName, TrainJob, TrainOutcome, TrainProgress } from '../../contract/training.ts';
import { initialWeights, weightSpecifications } from '../networks/weights.ts';
import { notFinite, nothingToTrainOn } from '../faults.ts';
import { metricsOf } from '../metrics/metrics.ts';
import { balancedClassWeights, type Batch, batchSource } from './batches.ts';
import { openRunFolder, type RunPosition } from './checkpoint.ts';
import { checkImagesFit, type DatasetFile, openDatasetFile } from './dataset-file.ts';
import { predictExamples } from './predict.ts';
import { progressReporter } from './progress.ts';
import { shuffled } from './random.ts';
import type { RunControl } from './run-control.ts';
import { learningRateAt } from './schedule.ts';
import type { SessionCache } from './session-cache.ts';
import { encodeWeights, readWeightsFile, type Weights } from './weights-file.ts';

/** Between two checkpoints within an epoch. */
const checkpointIntervalMs = 20_000;

export interface TrainSurroundings {
  readonly sessions: SessionCache;
  readonly control: RunControl;
  readonly onProgress: (progress: TrainProgress) => void;
  readonly onEpoch: (epoch: Epoch) => void;
  /** Something that the run survived and its reader should know. */
  readonly onNote: (note: string) => void;
}

/**
 * Trains until the epochs are done or `control` stops it; both return an outcome with a weights file. A run found
 * half-done in the folder goes on from its last checkpoint and tells its earlier epochs again; a complete one returns
 * its outcome at once. With `job.evaluate` the weights are those of the epoch with the lowest validation loss, else
 * (or without validation images) the last ones.
 * @throws Fault 350–353 (data set), 354 (loss not finite), 355 (initial weights), 356–357 (run folder).
 */
export async function train(job: TrainJob, surroundings: TrainSurroundings): Promise<TrainOutcome> {
  const dataset = openDatasetFile(job.datasetFile);
  try {
    return await trainOn(dataset, job, surroundings);
  } finally {
    dataset.close();
  }
}

async function trainOn(
  dataset: DatasetFile,
  job: TrainJob,
  { sessions, control, onProgress, onEpoch, onNote }: TrainSurroundings,
): Promise<TrainOutcome> {
  const { network, hyperParameters, seed } = job;
  const { batchSize } = hyperParameters;
  const classes = dataset.header.classes.length;
  checkImagesFit(dataset.header, network);
  const examples = dataset.examplesOf('train');
  if (examples.length === 0) throw nothingToTrainOn();

  const specifications = weightSpecifications(network, classes);
  const start: Weights =
    job.initialWeightsFile === null
      ? initialWeights(network, classes, seed)
      : readWeightsFile(job.initialWeightsFile, specifications);
  const folder = openRunFolder(job.runFolder, runHash(job, dataset, encodeWeights(start, specifications)), onNote);
  const found = folder.read();
  for (const epoch of found?.position.epochs ?? []) onEpoch(epoch);
  if (found?.position.outcome) return { ...found.position.outcome, weightsFile: folder.weightsFile };

  const batchesPerEpoch = Math.ceil(examples.length / batchSize);
  const steps = batchesPerEpoch * hyperParameters.epochs;
  const position: RunPosition = found?.position ?? newPosition();
  let best = found?.best ?? null;
  const progress = progressReporter({ onProgress, epochs: hyperParameters.epochs, steps, examples: examples.length });
  progress.report({ state: 'preparing', position, batchesPerEpoch }, true);

  const opened = await sessions.open({
    ...job,
    classes,
    classWeights: hyperParameters.balanceClasses ? balancedClassWeights(dataset.labels, examples, classes) : null,
  });
  const { session } = opened;
  progress.begin(session);
  session.setWeights(found?.weights ?? start);
  session.setOptimiserState(found?.optimiser ?? opened.initialOptimiserState);
  if (hyperParameters.proximalStrength > 0) session.setProximalCentre(start);

  const batches = batchSource(dataset, batchSize, seed);
  const earlierSeconds = position.seconds;
  const startedAt = performance.now();
  let savedAt = startedAt;
  const save = (): void => {
    position.seconds = earlierSeconds + (performance.now() - startedAt) / 1_000;
    const weights = finite(session.weights(), `epoch ${position.epoch + 1}`);
    folder.save({ position, weights, optimiser: session.optimiserState(), best });
    savedAt = performance.now();
  };
  const toMeasure = (split: SplitName): Int32Array => (job.evaluate ? dataset.examplesOf(split) : new Int32Array());
  const measure = async (split: SplitName): Promise<Metrics | null> => {
    const chosen = toMeasure(split);
    if (chosen.length === 0) return null;
    progress.report({ state: 'evaluating', position, batchesPerEpoch }, true);
    const probabilities = await predictExamples({ session, batches, batchSize, examples: chosen, classes, control });
    if (probabilities === null) return null;
    const labels = chosen.map((example) => dataset.labels[example]!);
    const patients = chosen.map((example) => dataset.patients[example]!);
    return metricsOf(probabilities, labels, patients, dataset.header.classes);
  };

  while (position.epoch < hyperParameters.epochs && !control.isStopped) {
    const order = shuffled(examples, seed, position.epoch);
    const batchOf = async (batch: number): Promise<Batch | null> =>
      batch < batchesPerEpoch
        ? batches.batchAt(order, batch * batchSize, hyperParameters.augment ? position.epoch : null)
        : null;
    let next = await batchOf(position.batch);
    while (next !== null) {
      // The engine blocks the event loop: this is where orders get in.
      await setImmediate();
      if (control.isPaused) {
        save();
        while (control.isPaused) {
          progress.report({ state: 'paused', position, batchesPerEpoch }, true);
          await control.changed();
        }
      }
      if (control.isStopped) break;
      const stepStartedAt = performance.now();
      const step = position.epoch * batchesPerEpoch + position.batch;
      const { count } = next;
      // The next batch is made while the engine computes, where it does so outside of this thread.
      const [loss, following] = await Promise.all([
        session.step({ ...next, learningRate: learningRateAt(hyperParameters, step, steps) }),
        batchOf(position.batch + 1),
      ]);
      next = following;
      if (!Number.isFinite(loss)) {
        throw notFinite('the loss', `epoch ${position.epoch + 1}, step ${position.batch + 1} of ${batchesPerEpoch}`);
      }
      position.batch += 1;
      position.lossSum += loss * count;
      if (performance.now() - savedAt > checkpointIntervalMs) save();
      await idle(job.idleShare, performance.now() - stepStartedAt, control);
      progress.stepDone({ loss, images: count, milliseconds: performance.now() - stepStartedAt });
      progress.report({ state: 'training', position, batchesPerEpoch }, false);
    }
    if (control.isStopped) break;

    const validation = await measure('validation');
    if (control.isStopped) break;
    const epoch = { epoch: position.epoch + 1, loss: position.lossSum / examples.length, validation };
    const isBest = validation !== null && (position.bestLoss === null || validation.loss < position.bestLoss);
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

  const finalWeights = finite(best ?? session.weights(), 'at the end');
  session.setWeights(finalWeights);
  folder.saveWeights(encodeWeights(finalWeights, specifications));
  const isTrained = position.epoch === hyperParameters.epochs;
  const test = isTrained ? await measure('test') : null;
  const outcome: TrainOutcome = {
    epochs: position.epochs,
    test,
    weightsFile: folder.weightsFile,
    examples: examples.length,
    steps: position.epoch * batchesPerEpoch + position.batch,
    seconds: position.seconds,
    imagesPerSecond: progress.imagesPerSecond(),
    engine: job.engine,
    provider: session.provider,
    // A stop that came after the last result changed nothing.
    stoppedEarly: !isTrained || (test === null && toMeasure('test').length > 0),
  };
  if (!outcome.stoppedEarly) {
    // Weights of a complete run are in their file; the checkpoint keeps only what tells that it is complete.
    folder.save({ position: { ...position, outcome }, weights: new Map(), optimiser: new Map(), best: null });
  }
  return outcome;
}

/** The weights, which must be finite: what is kept must be of use. */
function finite(weights: Weights, where: string): Weights {
  for (const [name, values] of weights) if (!values.every(Number.isFinite)) throw notFinite(name, where);
  return weights;
}

function newPosition(): RunPosition {
  return { epoch: 0, batch: 0, lossSum: 0, seconds: 0, epochs: [], bestLoss: null, outcome: null };
}

/** Names a run by everything that its weights depend on; threads, device and pace may change between sittings. */
function runHash(
  { network, hyperParameters, seed, engine, evaluate }: TrainJob,
  dataset: DatasetFile,
  start: Uint8Array,
): string {
  return createHash('sha256')
    .update(JSON.stringify([network, hyperParameters, seed, engine, evaluate, dataset.identity]))
    .update(start)
    .digest('hex');
}

/** Sleeps so that working takes `1 − idleShare` of the time; orders end the sleep. */
async function idle(idleShare: number, workedMs: number, control: RunControl): Promise<void> {
  if (idleShare > 0 && !control.isStopped) await control.changed((workedMs * idleShare) / (1 - idleShare));
}
