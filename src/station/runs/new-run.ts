// What a request for a run comes to: its network, what it goes on from, and the run as it is told before it has done anything.
import { randomInt, randomUUID } from 'node:crypto';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Run } from '../../contract/calls.ts';
import { type HyperParameters, hyperParametersSchema, type TrainJob } from '../../contract/training.ts';
import { givenWeights, groupNormTwin, lossOf, readNetworkFile } from '../../trainer/client.ts';
import { checkCohort } from '../models/check-cohort.ts';
import { checkBudget } from '../privacy/private-training.ts';
import type { RunBookParts } from './run-book.ts';
import { type FullRequest, type RunBasis, runRequestSchema } from './run-record.ts';
import { initialFile } from './run-work.ts';

export interface RunRequest {
  readonly cohort: string;
  /** Taken from the model where the run goes on from one. */
  readonly network: string;
  /** A file with a network of one's own, in its place. */
  readonly networkFile?: string | null | undefined;
  /** The model whose weights it starts from; without it, from random ones. */
  readonly from?: string | null | undefined;
  /** What is left out takes the schema's default. */
  readonly hyperParameters: { readonly [K in keyof HyperParameters]?: HyperParameters[K] | undefined };
  readonly engine: TrainJob['engine'];
  readonly provider: TrainJob['provider'];
  readonly fitMemory?: boolean;
  /** What its owner calls it. */
  readonly note?: string;
  readonly seed?: number | undefined;
}

/**
 * Makes the run's folder, with a copy of all that may be gone or changed when the run is resumed.
 * @throws the faults of an unknown cohort, model or network, and of a model that does not fit the cohort; 304 and 365 of a loss
 * and of class weights that do not; 690, 692 of the site's privacy budget
 */
export function newRun(
  request: RunRequest,
  {
    folder: runs,
    cohorts,
    models,
    resolveNetwork,
    notes,
    privacy,
  }: Pick<RunBookParts, 'folder' | 'cohorts' | 'models' | 'resolveNetwork' | 'notes' | 'privacy'>,
): { run: Run; request: FullRequest; basis: RunBasis | null } {
  const cohort = cohorts.show(request.cohort);
  const from = request.from ?? null;
  const parent = from === null ? null : models.get(from);
  if (parent !== null) checkCohort(parent.model, cohort);
  const { task, classes } = cohort;
  const own =
    parent !== null || request.networkFile == null
      ? null
      : readNetworkFile(request.networkFile, { task, classes: classes.length });
  const chosen = parent?.definition ?? own ?? resolveNetwork(request.network, task);
  // Batch norm keeps no promise: its twin is trained, and named, in its place; of a model there is none.
  const trained = request.hyperParameters.privacy && parent === null ? groupNormTwin(chosen) : chosen;
  const network = trained.name;
  const full = runRequestSchema.parse({ ...request, network, seed: request.seed ?? randomInt(2 ** 32 - 1) });
  const hyperParameters = hyperParametersSchema.parse(request.hyperParameters);
  lossOf(trained.task, hyperParameters.loss);
  const names = parent?.model.classes ?? classes.map(({ name }) => name);
  if (hyperParameters.classWeights !== null)
    givenWeights(names, hyperParameters.classWeights, hyperParameters.privacy !== null);
  if (hyperParameters.privacy !== null) {
    const training = { cohort: request.cohort, patients: cohorts.trainingPatients(request.cohort) };
    checkBudget(privacy, training, { hyperParameters, images: cohort.split.train?.instances ?? 0 });
  }
  const id = `${new Date().toISOString().slice(0, 19).replaceAll(':', '')}-${randomUUID().slice(0, 8)}`;
  const folder = path.join(runs, id);
  mkdirSync(folder, { recursive: true });
  const run: Run = {
    id,
    cohort: request.cohort,
    network,
    startedAt: new Date().toISOString(),
    state: 'running',
    progress: null,
    losses: [],
    epochs: [],
    outcome: null,
    fault: null,
    note: request.note ?? '',
    preparing: null,
    waitsFor: null,
    notes: [...(notes?.() ?? [])],
    hyperParameters,
    seed: full.seed,
  };
  if (parent === null) {
    // A network of one's own is kept: its file may change.
    return { run, request: full, basis: own && { definition: trained, chain: null, parent: null } };
  }
  try {
    copyFileSync(parent.weightsFile, path.join(folder, initialFile));
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  const { id: parentId, classes: ofParent, input } = parent.model;
  const chain = input?.preprocessing ?? null;
  return {
    run,
    request: full,
    basis: { definition: parent.definition, chain, parent: { id: parentId, classes: ofParent } },
  };
}
