// The work of one run: what it trains is settled, its data set built, its training charged where a promise is kept, and done.
import path from 'node:path';
import type { DatasetHeader } from '../../contract/dataset.ts';
import type { Network, Task } from '../../contract/network.ts';
import { hyperParametersSchema } from '../../contract/training.ts';
import { type TrainerProcess, type TrainListeners, withFittedInput } from '../../trainer/client.ts';
import type { Dataset } from '../cohorts/build-dataset.ts';
import type { Cohorts } from '../cohorts/cohorts.ts';
import { onWholeDataset } from '../cohorts/whole-dataset.ts';
import type { PrivacyLedger } from '../privacy/privacy-ledger.ts';
import { chargedTraining } from '../privacy/private-training.ts';
import type { FullRequest, Learnt, RunBasis } from './run-record.ts';

/** In the folder of a run that goes on from a model: the weights that it starts from. */
export const initialFile = 'initial.safetensors';

export interface RunWorkParts {
  readonly datasets: string;
  readonly cohorts: Cohorts;
  readonly trainer: TrainerProcess;
  readonly privacy: PrivacyLedger;
  /** The network of this name, asked the cohort's task. */
  readonly resolveNetwork: (name: string, task: Task) => Network;
  /** CPU threads of a run that begins now. */
  readonly threads: () => number;
}

export interface RunToWork {
  readonly id: string;
  readonly folder: string;
  readonly request: FullRequest;
  /** Null of a run that has not got so far. */
  readonly basis: RunBasis | null;
  readonly signal: AbortSignal;
}

export interface RunWorkListeners extends Required<Pick<TrainListeners, 'onProgress' | 'onEpoch' | 'onNote'>> {
  onPreparing(progress: { done: number; total: number; waitsFor: string | null }): void;
  /** The data set is there: from now on the run is this one, where the trainer does not refuse it. */
  onBasis(basis: RunBasis, header: DatasetHeader): void;
}

/** @throws What building, charging or training throws; the signal's reason when aborted before there was anything to keep. */
export async function workOnRun(parts: RunWorkParts, run: RunToWork, listeners: RunWorkListeners): Promise<Learnt> {
  const basis = run.basis ?? (await newBasis(parts, run.request));
  const options = {
    ...basis.definition.input,
    task: basis.definition.task,
    classes: basis.parent?.classes,
    chain: basis.chain ?? undefined,
    folder: parts.datasets,
    signal: run.signal,
    onProgress: listeners.onPreparing,
    onMend: () => listeners.onNote('A part of the data set was damaged on the disk and was made anew from the images.'),
  };
  return onWholeDataset(parts.cohorts, run.request.cohort, options, (dataset) =>
    trainOn(parts, run, basis, dataset, listeners),
  );
}

/** The network as it is known now, at the size that suits the cohort. */
async function newBasis(parts: RunWorkParts, { cohort, network }: FullRequest): Promise<RunBasis> {
  const asBundled = parts.resolveNetwork(network, parts.cohorts.show(cohort).task);
  const largestSide = asBundled.task === 'segmentation' ? await parts.cohorts.largestSidePixels(cohort) : null;
  return { definition: withFittedInput(asBundled, largestSide), chain: null, parent: null };
}

async function trainOn(
  parts: RunWorkParts,
  { id, folder, request, signal }: RunToWork,
  { definition, parent }: RunBasis,
  { file, header }: Dataset,
  listeners: RunWorkListeners,
): Promise<Learnt> {
  listeners.onBasis({ definition, parent, chain: header.preprocessing ?? null }, header);
  const hyperParameters = hyperParametersSchema.parse(request.hyperParameters);
  const charge = {
    id,
    kind: 'run' as const,
    cohort: request.cohort,
    cohortHash: header.cohortHash,
    patients: hyperParameters.privacy === null ? [] : parts.cohorts.trainingPatients(request.cohort),
    network: definition.name,
    hyperParameters,
    datasetFile: file,
    runFolder: folder,
  };
  const outcome = await chargedTraining(parts.privacy, charge, (mostPrivateSteps) =>
    parts.trainer.train(
      {
        job: 'train',
        mostPrivateSteps,
        runFolder: folder,
        datasetFile: file,
        network: definition,
        hyperParameters,
        seed: request.seed,
        engine: request.engine,
        provider: request.provider,
        threads: parts.threads(),
        initialWeightsFile: parent === null ? null : path.join(folder, initialFile),
        evaluate: true,
        idleShare: 0,
        // The rate of a promise is that of the batch that was chosen, and its memory that of one image.
        fitMemory: request.fitMemory && hyperParameters.privacy === null,
      },
      { signal, onProgress: listeners.onProgress, onEpoch: listeners.onEpoch, onNote: listeners.onNote },
    ),
  );
  return { outcome, header };
}
