// The training loop, from a job to its weights. Deterministic on the CPU: interrupted anywhere and started again in the
// same folder, it ends in the same weights, bit for bit (but for noise, which is always fresh).
import type { Metrics } from '../../contract/metrics.ts';
import type { Epoch, TrainJob, TrainOutcome, TrainProgress } from '../../contract/training.ts';
import { isOutOfMemory } from '../engines/faults.ts';
import { type DatasetFile, openDatasetFile } from './dataset-file.ts';
import { finishRun } from './finish-run.ts';
import { type OngoingRun, takeUpRun } from './ongoing-run.ts';
import { mayShrink } from './prepare-run.ts';
import { type PrefetchedBatches, prefetchedBatches } from './prefetched-batches.ts';
import type { RunControl } from './run-control.ts';
import type { SessionCache } from './session-cache.ts';
import { trainEpoch } from './train-epoch.ts';

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
  const { control, onEpoch, onNote } = surroundings;
  const run = await takeUpRun(dataset, job, surroundings, mostImages);
  if ('outcome' in run) return run.outcome;
  const { position } = run;
  const prefetched = prefetch(run.batchSize);
  // An epoch that a budget ended before its time is measured, too.
  while ((position.batch > 0 || !run.isTrained()) && !control.isStopped) {
    await trainEpoch(run, prefetched, surroundings);
    if (control.isStopped) break;
    const validation = await run.measure('validation');
    if (control.isStopped) break;
    const epoch = endEpoch(run, validation);
    run.save();
    onEpoch(epoch);
  }
  if (control.isStopped) run.save();
  return finishRun(run, dataset.header.classes.length, onNote);
}

/** Puts the epoch among those that are complete, and its weights in the place of the best where they are. */
function endEpoch(run: OngoingRun, validation: Metrics | null): Epoch {
  const { position, privately, session, examples } = run;
  // A budget may end an epoch before its time.
  const seen = privately === null ? examples.length : position.batch * privately.batch.count;
  const epoch = { epoch: position.epoch + 1, loss: position.lossSum / seen, validation };
  // A promise covers no choice by validation: its weights are the last ones.
  const isBest =
    validation !== null && privately === null && (position.bestLoss === null || validation.loss < position.bestLoss);
  if (isBest) {
    position.bestLoss = validation.loss;
    run.best = session.weights();
  }
  position.epochs.push(epoch);
  position.epoch += 1;
  position.batch = 0;
  position.lossSum = 0;
  return epoch;
}
