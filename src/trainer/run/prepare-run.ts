// All that a run needs before its first step: its first weights, its folder, the checkpoint it goes on from, its session.
import { createHash } from 'node:crypto';
import type { WeightSpecification } from '../../contract/network.ts';
import type { TrainJob, TrainOutcome, TrainProgress } from '../../contract/training.ts';
import { nothingToTrainOn } from '../faults.ts';
import { planNetwork } from '../networks/plan.ts';
import { initialWeightsAside } from '../networks/weights-aside.ts';
import { weightSpecifications } from '../networks/weights.ts';
import {
  type Checkpoint,
  hasCheckpoint,
  openRunFolder,
  type RunFolder,
  type RunPosition,
  stepsOf,
} from './checkpoint.ts';
import { classWeightsFor } from './class-weights.ts';
import { openVariates, type RunVariates } from './control-variates.ts';
import { checkImagesFit, type DatasetFile } from './dataset-file.ts';
import { fittingBatchSize } from './fit-batch.ts';
import { freeMemoryBytes } from './free-memory.ts';
import { type ProgressReporter, progressReporter } from './progress.ts';
import type { OpenSession } from './session-cache.ts';
import type { TrainSurroundings } from './train.ts';
import { encodeWeights, readWeightsFile, type Weights } from './weights-file.ts';

/** A session for batches of this size, and where the run stands. */
interface OpenedRun {
  readonly batchSize: number;
  readonly batchesPerEpoch: number;
  /** Of the whole run. */
  readonly steps: number;
  /** Changed by the run as it goes. */
  readonly position: RunPosition & { steps: number };
  readonly progress: ProgressReporter;
  readonly opened: OpenSession;
}

export interface PreparedRun extends OpenedRun {
  /** Of the training split, as their indices in the data set. */
  readonly examples: Int32Array;
  readonly specifications: readonly WeightSpecification[];
  readonly start: Weights;
  readonly variates: RunVariates | null;
  readonly folder: RunFolder;
  readonly found: Checkpoint | null;
}

/**
 * Prepares a run, or returns the outcome of one that is complete in its folder.
 * @param mostImages of a step; fewer where the memory asks for it
 * @throws Fault 350–353 (data set), 355 (initial weights), 356–357 (run folder), and those of opening a session.
 */
export async function prepareRun(
  dataset: DatasetFile,
  job: TrainJob,
  surroundings: TrainSurroundings,
  { mostImages, onProgress }: { mostImages: number; onProgress: (progress: TrainProgress) => void },
): Promise<PreparedRun | { readonly outcome: TrainOutcome }> {
  const { onEpoch, onNote } = surroundings;
  const { network, seed } = job;
  const classes = dataset.header.classes.length;
  checkImagesFit(dataset.header, network);
  const examples = dataset.examplesOf('train');
  if (examples.length === 0) throw nothingToTrainOn();

  const specifications = weightSpecifications(network, classes);
  const starting: Weights | Promise<Weights> =
    job.initialWeightsFile === null
      ? initialWeightsAside(network, classes, seed)
      : readWeightsFile(job.initialWeightsFile, specifications);
  const variates = openVariates(job, specifications);
  const open = (found: Checkpoint | null): Promise<OpenedRun> => {
    const batchSize =
      found === null
        ? batchSizeFor(job, classes, mostImages)
        : (found.position.batchSize ?? job.hyperParameters.batchSize);
    return openRun({
      dataset,
      examples,
      job,
      surroundings,
      batchSize,
      found,
      onProgress,
      isCorrected: variates !== null,
    });
  };
  // A new run compiles while its weights are drawn. What is in the folder must first prove to be of this run, by its weights too.
  const fresh = hasCheckpoint(job.runFolder) ? null : await open(null);
  const start = await starting;
  const identity = [encodeWeights(start, specifications), ...(variates === null ? [] : [variates.identity])];
  const folder = openRunFolder(job.runFolder, runHash(job, dataset, identity), onNote);
  const found = folder.read();
  for (const epoch of found?.position.epochs ?? []) onEpoch(epoch);
  if (found?.position.outcome) {
    const { weightsFile } = folder;
    const controlVariateFile = variates === null ? null : folder.controlVariateFile;
    return { outcome: { ...found.position.outcome, weightsFile, controlVariateFile } };
  }
  return { ...(fresh ?? (await open(found))), examples, specifications, start, variates, folder, found };
}

async function openRun({
  dataset,
  examples,
  job,
  surroundings: { sessions, onNote },
  batchSize,
  found,
  onProgress,
  isCorrected,
}: {
  dataset: DatasetFile;
  examples: Int32Array;
  job: TrainJob;
  surroundings: TrainSurroundings;
  batchSize: number;
  found: Checkpoint | null;
  onProgress: (progress: TrainProgress) => void;
  isCorrected: boolean;
}): Promise<OpenedRun> {
  const { hyperParameters } = job;
  const { epochs, batchSize: asked } = hyperParameters;
  if (batchSize < asked) onNote(`The memory here is short: ${batchSize} instead of ${asked} images per step.`);
  const batchesPerEpoch = Math.ceil(examples.length / batchSize);
  const steps = batchesPerEpoch * epochs;
  const position = {
    ...(found?.position ?? { ...newPosition(), batchSize, examples: examples.length }),
    steps: found === null ? 0 : stepsOf(found.position, batchesPerEpoch),
  };
  const progress = progressReporter({ onProgress, epochs, steps, examples: examples.length });
  progress.report({ state: 'preparing', position }, true);
  const opened = await sessions.open({
    ...job,
    hyperParameters: { ...hyperParameters, batchSize },
    classes: dataset.header.classes.length,
    classWeights: classWeightsFor(dataset, examples, hyperParameters, onNote),
    mayShrink: mayShrink(job),
    isCorrected,
  });
  return { batchSize, batchesPerEpoch, steps, position, progress, opened };
}

/**
 * Whether the batch may still be made smaller: once there is a checkpoint it is settled. A private run takes its images one at a
 * time, so that no batch of it is too large.
 */
export function mayShrink({ fitMemory, hyperParameters, runFolder }: TrainJob): boolean {
  return fitMemory && hyperParameters.privacy === null && !hasCheckpoint(runFolder);
}

function batchSizeFor(job: TrainJob, classes: number, mostImages: number): number {
  const { network, hyperParameters } = job;
  if (!mayShrink(job)) return mostImages;
  const plan = planNetwork(network, classes);
  return fittingBatchSize(plan, { ...hyperParameters, batchSize: mostImages }, freeMemoryBytes(process.env));
}

function newPosition(): RunPosition {
  return {
    epoch: 0,
    batch: 0,
    steps: 0,
    lossSum: 0,
    seconds: 0,
    epochs: [],
    bestLoss: null,
    batchSize: null,
    examples: null,
    outcome: null,
  };
}

/** Names a run by everything that its weights depend on; threads, device and pace may change between sittings. */
function runHash(
  { network, hyperParameters, seed, engine, evaluate }: TrainJob,
  dataset: DatasetFile,
  start: readonly Uint8Array[],
): string {
  return createHash('sha256')
    .update(JSON.stringify([network, hyperParameters, seed, engine, evaluate, dataset.identity]))
    .update(Buffer.concat(start))
    .digest('hex');
}
