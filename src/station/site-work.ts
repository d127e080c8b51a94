// What the station does for a federation: trains, evaluates, and names its data, always behind the data manager's approval.
// It is the only place where federation and patients' data meet; only weights, counts and metrics pass through it.
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { createHash, randomUUID } from 'node:crypto';
import type { Project } from '../contract/federation.ts';
import { hyperParametersSchema, type TrainOrder, type TrainOutcome } from '../contract/training.ts';
import { siteFault } from '../sync/site/faults.ts';
import type { SiteWork } from '../sync/site/site-work.ts';
import {
  metricsOf,
  multiLabelMetrics,
  type TrainerProcess,
  type TrainListeners,
  weightSpecifications,
} from '../trainer/client.ts';
import { readSplit } from './cohorts/read-split.ts';
import type { Dataset } from './cohorts/build-dataset.ts';
import type { Cohorts } from './cohorts/cohorts.ts';
import { isShardDamage } from './cohorts/whole-dataset.ts';
import { stationFault } from './faults.ts';
import { localHyperParameters } from './federated-schedule.ts';
import { writeFileDurably } from './home/durable-file.ts';
import type { PrivacyLedger } from './privacy/privacy-ledger.ts';
import type { KeptPictures } from './privacy/leak-pictures.ts';
import { isBudgetSpent } from './privacy/faults.ts';
import { chargedTraining } from './privacy/private-training.ts';
import { type ProjectReach, projectReach } from './privacy/project-reach.ts';
import { probeProject } from './privacy/project-probe.ts';

/** Local-only training gets the epochs that a site would spend in the whole project, at most this many. */
const maxLocalOnlyEpochs = 12;

/** A turn's folder that nobody touched for so long will not be continued: its trunk is long gone. */
const staleTurnMs = 7 * 24 * 3_600_000;

export interface SiteWorkParts {
  readonly folder: string;
  readonly datasets: string;
  readonly cohorts: Cohorts;
  readonly trainer: TrainerProcess;
  readonly privacy: PrivacyLedger;
  /** CPU threads of a job that begins now. */
  readonly threads: () => number;
  /** Makes this machine slower, for practice federations: 0 full speed, 0.9 ten times slower. */
  readonly idleShare: number;
  readonly leakPictures: KeptPictures;
  /** How long a project's leak probe may attack. */
  readonly leakProbeSeconds: number;
}

/** The work of one station for its federations. One job runs at a time; the trainer queues the others. */
export function siteWork(parts: SiteWorkParts): SiteWork {
  sweep(parts.folder);
  const wholeDatasetOf = (project: Project, cohort: string, signal?: AbortSignal): Promise<Dataset> =>
    parts.cohorts.buildDataset(cohort, {
      ...project.network.input,
      task: project.network.task,
      classes: project.classes,
      folder: parts.datasets,
      signal: signal ?? new AbortController().signal,
      onProgress: () => {},
    });
  const datasetOf = async (...of: Parameters<typeof wholeDatasetOf>): Promise<string> =>
    (await wholeDatasetOf(...of)).file;

  /** The federation tries again, and then on a data set that is whole. */
  const doubted = (error: unknown): never => {
    if (isShardDamage(error)) parts.cohorts.doubtDatasets();
    throw error;
  };

  /** A folder of its own for one job, gone afterwards whatever happens. */
  const inFolder = async <Value>(work: (folder: string) => Promise<Value>): Promise<Value> => {
    const folder = path.join(parts.folder, `job-${randomUUID()}`);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    try {
      return await work(folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };

  const jobOf = (project: Project, runFolder: string, datasetFile: string): TrainOrder => ({
    job: 'train',
    runFolder,
    datasetFile,
    network: project.network,
    hyperParameters: project.hyperParameters,
    seed: project.seed,
    engine: 'compiled',
    provider: 'auto',
    threads: parts.threads(),
    initialWeightsFile: null,
    evaluate: false,
    idleShare: parts.idleShare,
  });

  /** Trains; with a privacy promise the project's patients are charged, over all its rounds. */
  const train = (
    project: Project,
    cohort: string,
    job: TrainOrder,
    listeners: TrainListeners,
    isWhole: boolean,
  ): Promise<TrainOutcome> => {
    const hyperParameters = hyperParametersSchema.parse(job.hyperParameters);
    const isPrivate = hyperParameters.privacy !== null;
    const charge = {
      id: projectId(project),
      kind: 'project' as const,
      cohort,
      cohortHash: parts.cohorts.show(cohort).hash,
      patients: isPrivate ? parts.cohorts.trainingPatients(cohort) : [],
      network: project.network.name,
      hyperParameters,
      datasetFile: job.datasetFile,
      runFolder: job.runFolder,
      isWhole,
    };
    return chargedTraining(parts.privacy, charge, (mostPrivateSteps) =>
      parts.trainer.train({ ...job, mostPrivateSteps }, listeners).catch(doubted),
    ).catch((error: unknown) => {
      throw isBudgetSpent(error) ? siteFault.nothingMore(error.message) : error;
    });
  };

  return {
    async trainUpdate({ project, cohort, trunkWeights, trunkVersion, turn, controlVariates, signal, onProgress }) {
      const { hash } = parts.cohorts.show(cohort);
      const folder = path.join(parts.folder, turnName({ project, hash, turn, trunkWeights, controlVariates }));
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const datasetFile = await datasetOf(project, cohort, signal);
      const initialWeightsFile = path.join(folder, 'trunk.safetensors');
      writeFileDurably(initialWeightsFile, trunkWeights);
      const fileOf = (name: string, bytes: Uint8Array | null): string | null => {
        if (bytes === null) return null;
        const file = path.join(folder, name);
        writeFileDurably(file, bytes);
        return file;
      };
      const outcome = await train(
        project,
        cohort,
        {
          ...jobOf(project, folder, datasetFile),
          controlVariates: controlVariates && {
            siteFile: fileOf('site-variate.safetensors', controlVariates.site),
            trunkFile: fileOf('trunk-variate.safetensors', controlVariates.trunk),
          },
          hyperParameters: localHyperParameters(project, trunkVersion),
          initialWeightsFile,
          seed: (project.seed + 7_919 * (turn + 1)) >>> 0,
        },
        {
          signal,
          onEpoch: () => {},
          onProgress: ({ step, steps, loss }) => onProgress({ share: steps > 0 ? step / steps : 0, loss }),
        },
        true,
      );
      if (outcome.stoppedEarly) throw stationFault.workStopped();
      // The loss on the training images is not covered by a privacy promise: it stays here.
      const loss = outcome.privacy === null ? (outcome.epochs.at(-1)?.loss ?? Number.NaN) : Number.NaN;
      const weights = readFileSync(outcome.weightsFile);
      const { controlVariateFile } = outcome;
      const controlVariate = controlVariateFile === null ? null : readFileSync(controlVariateFile);
      rmSync(folder, { recursive: true, force: true });
      return { weights, examples: outcome.examples, loss, ...(controlVariate !== null && { controlVariate }) };
    },

    probeLeak: ({ federation, project, cohort, trunkWeights, signal }) =>
      inFolder(async (folder) => {
        const datasetFile = await datasetOf(project, cohort, signal);
        const weightsFile = path.join(folder, 'trunk.safetensors');
        writeFileDurably(weightsFile, trunkWeights);
        const { trainer, leakPictures: pictures, leakProbeSeconds: maxSeconds } = parts;
        const threads = parts.threads();
        const order = { federation, project, cohort, datasetFile, weightsFile };
        return probeProject({ ...order, trainer, threads, pictures, maxSeconds, signal });
      }),

    trainLocalOnly: ({ project, cohort, signal }) =>
      inFolder(async (folder) => {
        const datasetFile = await datasetOf(project, cohort, signal);
        const epochs = localOnlyEpochs(project);
        const outcome = await train(
          project,
          cohort,
          {
            ...jobOf(project, folder, datasetFile),
            hyperParameters: { ...project.hyperParameters, epochs, schedule: 'cosine' },
            evaluate: true,
            // The rival is no part of the federation's timing: a machine that is slow for practice makes it at full speed.
            idleShare: 0,
          },
          { signal, onProgress: () => {}, onEpoch: () => {} },
          false,
        );
        if (outcome.stoppedEarly) throw stationFault.workStopped();
        return { weights: readFileSync(outcome.weightsFile), examples: outcome.examples };
      }),

    evaluate: ({ project, cohort, split, others = [], ...first }) =>
      inFolder(async (folder) => {
        const asked = [first, ...others];
        const voters = [];
        for (const [index, { weights, definition, normalisation }] of asked.entries()) {
          const network = definition ?? project.network;
          const { file: datasetFile, header } = await wholeDatasetOf({ ...project, network }, cohort);
          const weightsFile = path.join(folder, `weights-${index}.safetensors`);
          writeFileDurably(weightsFile, weights);
          const { mean, standardDeviation } = normalisation ?? header;
          voters.push({ datasetFile, network, weightsFile, normalisation: { mean, standardDeviation } });
        }
        const [voter, ...more] = voters;
        const { labels, ...evaluation } = await parts.trainer
          .evaluate({
            job: 'evaluate',
            ...voter!,
            others: more,
            split,
            engine: 'compiled',
            provider: 'auto',
            threads: parts.threads(),
          })
          .catch(doubted);
        return { ...evaluation, labels: Int32Array.from(labels) };
      }),

    async measure({ project, cohort, probabilities, split }) {
      const { labels, patients } = readSplit(await datasetOf(project, cohort), split);
      return labels instanceof Uint8Array
        ? multiLabelMetrics(probabilities, labels, patients, project.classes)
        : metricsOf(probabilities, labels, patients, project.classes);
    },

    layoutOf: (definition, classes) => weightSpecifications(definition, classes),

    datasetFingerprint: async (cohort) => parts.cohorts.show(cohort).hash,
  };
}

/**
 * Named by what it trains, not by chance: an update that a crash cut short continues from its checkpoint, and one of
 * another federation, data set or trunk never does.
 */
function turnName(work: {
  project: Project;
  hash: string;
  turn: number;
  trunkWeights: Uint8Array;
  controlVariates: { site: Uint8Array | null; trunk: Uint8Array | null } | null;
}): string {
  const hash = createHash('sha256');
  hash.update(`${JSON.stringify([work.project, work.hash, work.turn])}\n`).update(work.trunkWeights);
  if (work.controlVariates !== null) {
    const { site, trunk } = work.controlVariates;
    for (const variate of [site, trunk]) hash.update(`\n${variate?.length ?? 0}\n`).update(variate ?? '');
  }
  return `turn-${hash.digest('hex').slice(0, 32)}`;
}

const localOnlyEpochs = ({ hyperParameters, commits }: Project): number =>
  Math.min(maxLocalOnlyEpochs, hyperParameters.epochs * commits);

/** How far privacy lets this site go in a project with a cohort; null of a project without a promise. @throws Fault 211, 690, 693 */
export function reachOf(
  { cohorts, privacy }: Pick<SiteWorkParts, 'cohorts' | 'privacy'>,
  project: Project,
  cohort: string,
): ProjectReach | null {
  return projectReach(privacy, {
    project,
    id: projectId(project),
    cohort,
    patients: cohorts.trainingPatients(cohort),
    images: cohorts.show(cohort).split.train?.instances ?? 0,
    aloneEpochs: project.peerModels ? localOnlyEpochs(project) : 0,
  });
}

/** What all rounds of a project have in common, in the privacy ledger. */
function projectId(project: Project): string {
  const identity = JSON.stringify([project.network, project.hyperParameters, project.classes, project.seed]);
  return `project-${createHash('sha256').update(identity).digest('hex').slice(0, 16)}`;
}

/** What a killed process left: single jobs always, turns when they are too old to be continued. */
function sweep(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(folder)) {
    const inside = path.join(folder, name);
    const isStale = !/^turn-[0-9a-f]{32}$/.test(name) || Date.now() - statSync(inside).mtimeMs > staleTurnMs;
    if (isStale) rmSync(inside, { recursive: true, force: true });
  }
}
