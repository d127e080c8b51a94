// The training runs of a station: started, paused, resumed, stopped, and remembered over restarts.
// One run is live at a time; a run that a crash interrupted is shown as paused and continues from its checkpoint.
import { randomInt, randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { type Run, runSchema } from '../../contract/calls.ts';
import { faultValueOf, type FaultValue } from '../../contract/fault.ts';
import type { DatasetHeader } from '../../contract/dataset.ts';
import type { Network, Task } from '../../contract/network.ts';
import {
  engineNames,
  type HyperParameters,
  hyperParametersSchema,
  providerNames,
  type TrainJob,
  type TrainOutcome,
} from '../../contract/training.ts';
import { groupNormTwin, type TrainerProcess, withFittedInput } from '../../trainer/client.ts';
import type { Cohorts } from '../cohorts/cohorts.ts';
import type { PrivacyLedger } from '../privacy/privacy-ledger.ts';
import { chargedTraining } from '../privacy/private-training.ts';
import { isDiskFull, stationFault } from '../faults.ts';
import { writeFileDurably } from '../home/durable-file.ts';
import type { ModelRegistry } from '../models/model-registry.ts';

/** Points kept of a run's loss curve; older ones are thinned by half when there are more. */
const maxLossPoints = 2_000;
/** A run's record is written to disk at most this often while it trains. */
const recordIntervalMs = 2_000;
/** Notes kept of a run; beyond them the newest are left out, as the same thing probably happens over and over. */
const maxNotes = 100;
/** How long closing waits for live runs to write their checkpoints. */
const closeDeadlineMs = 3_000;

export interface RunRequest {
  readonly cohort: string;
  readonly network: string;
  /** What is left out takes the schema's default. */
  readonly hyperParameters: { readonly [K in keyof HyperParameters]?: HyperParameters[K] | undefined };
  readonly engine: TrainJob['engine'];
  readonly provider: TrainJob['provider'];
  readonly fitMemory?: boolean;
  readonly seed?: number | undefined;
}

export interface RunBook {
  start(request: RunRequest): Run;
  pause(id: string): void;
  resume(id: string): void;
  stop(id: string): void;
  list(): Run[];
  /** Resolves when the run is done, stopped or failed. */
  ended(id: string): Promise<Run>;
  /** Pauses live runs; resolves when their checkpoints are written, or after 3 s. */
  close(): Promise<void>;
}

export interface RunBookParts {
  readonly folder: string;
  readonly datasets: string;
  readonly cohorts: Cohorts;
  readonly trainer: TrainerProcess;
  readonly models: ModelRegistry;
  readonly privacy: PrivacyLedger;
  /** The network of this name, asked the cohort's task. */
  readonly resolveNetwork: (name: string, task: Task) => Network;
  /** CPU threads of a run that begins now. */
  readonly threads: () => number;
  /** What every run's reader should know when one begins now. */
  readonly notes?: () => readonly string[];
  readonly onChange: (run: Run) => void;
}

interface LiveRun {
  readonly abort: AbortController;
  ended: Promise<void>;
  intent: 'run' | 'pause' | 'stop';
}

const runRequestSchema = z.object({
  cohort: z.string(),
  network: z.string(),
  hyperParameters: hyperParametersSchema.partial(),
  engine: z.enum(engineNames),
  provider: z.enum(providerNames),
  seed: z.number().int(),
  fitMemory: z.boolean().default(false),
});
type FullRequest = z.infer<typeof runRequestSchema>;

/** Opens the book; runs that were live when the station died become paused. */
export function openRunBook(parts: RunBookParts): RunBook {
  const runs = new Map<string, Run>();
  const requests = new Map<string, FullRequest>();
  const live = new Map<string, LiveRun>();
  const recordedAt = new Map<string, number>();

  const folderOf = (id: string): string => path.join(parts.folder, id);

  const record = (run: Run): void => {
    recordedAt.set(run.id, Date.now());
    const request = requests.get(run.id);
    writeFileDurably(path.join(folderOf(run.id), 'run.json'), JSON.stringify({ run, request }));
  };
  /** Never throws: it is called where nobody could catch, and a full disk must not end a run that trains well. */
  const change = (run: Run, force = true): void => {
    let told = run;
    if (force || Date.now() - (recordedAt.get(run.id) ?? 0) >= recordIntervalMs) {
      try {
        record(run);
      } catch (error) {
        // While it runs the next record makes up for it; the last one's failure is said with the run.
        if (run.state !== 'running') told = { ...run, fault: run.fault ?? writeFault(error) };
      }
    }
    runs.set(run.id, told);
    parts.onChange(told);
  };

  for (const { run, request } of readRecords(parts.folder)) {
    const interrupted = run.state === 'running';
    runs.set(run.id, interrupted ? { ...run, state: 'paused', preparing: null } : run);
    requests.set(run.id, request);
  }

  const run = async (id: string, request: FullRequest, state: LiveRun): Promise<void> => {
    const current = (): Run => runs.get(id) as Run;
    try {
      const asBundled = parts.resolveNetwork(request.network, parts.cohorts.show(request.cohort).task);
      const largestSide =
        asBundled.task === 'segmentation' ? await parts.cohorts.largestSidePixels(request.cohort) : null;
      const network = withFittedInput(asBundled, largestSide);
      const { file, header } = await parts.cohorts.buildDataset(request.cohort, {
        ...network.input,
        task: network.task,
        folder: parts.datasets,
        signal: state.abort.signal,
        onProgress: ({ done, total }) => tellPreparing(id, total > 0 ? done / total : 0),
      });
      change({ ...current(), preparing: null });
      const hyperParameters = hyperParametersSchema.parse(request.hyperParameters);
      const charge = {
        id,
        kind: 'run' as const,
        cohort: request.cohort,
        cohortHash: header.cohortHash,
        patients: hyperParameters.privacy === null ? [] : parts.cohorts.trainingPatients(request.cohort),
        network: network.name,
        hyperParameters,
        datasetFile: file,
        runFolder: folderOf(id),
      };
      const outcome = await chargedTraining(parts.privacy, charge, (mostPrivateSteps) =>
        parts.trainer.train(
          {
            job: 'train',
            mostPrivateSteps,
            runFolder: folderOf(id),
            datasetFile: file,
            network,
            hyperParameters,
            seed: request.seed,
            engine: request.engine,
            provider: request.provider,
            threads: parts.threads(),
            initialWeightsFile: null,
            evaluate: true,
            idleShare: 0,
            // The rate of a promise is that of the batch that was chosen, and its memory that of one image.
            fitMemory: request.fitMemory && hyperParameters.privacy === null,
          },
          {
            signal: state.abort.signal,
            onProgress: (progress) => {
              const before = current();
              // A resumed run makes the steps after its checkpoint again.
              const first = progress.losses[0]?.[0] ?? Infinity;
              const losses = thin([
                ...before.losses.filter(([step]) => step < first),
                ...progress.losses.filter(([, loss]) => Number.isFinite(loss)),
              ]);
              change({ ...before, progress, losses }, false);
            },
            onNote: (note) =>
              change({ ...current(), notes: [...new Set(current().notes).add(note)].slice(0, maxNotes) }),
            onEpoch: (epoch) => {
              // A resumed run tells its earlier epochs again.
              const others = current().epochs.filter((known) => known.epoch !== epoch.epoch);
              change({ ...current(), epochs: [...others, epoch].sort((a, b) => a.epoch - b.epoch) });
            },
          },
        ),
      );
      finish(id, request, header, network, outcome, state);
    } catch (error) {
      const ended = { ...current(), preparing: null };
      const fault = writeFault(error);
      // What can be put right (a full disk, a process that was ended) leaves a run that can be resumed.
      if (state.intent === 'run') change({ ...ended, state: fault.retry === 'never' ? 'failed' : 'paused', fault });
      else change({ ...ended, state: state.intent === 'pause' ? 'paused' : 'stopped' });
    } finally {
      live.delete(id);
    }
  };

  /** Building a data set reports each image: a window needs each percent at most. */
  const tellPreparing = (id: string, share: number): void => {
    const before = runs.get(id) as Run;
    const rounded = Math.floor(share * 100) / 100;
    if (rounded !== before.preparing) change({ ...before, preparing: rounded }, false);
  };

  const finish = (
    id: string,
    request: FullRequest,
    header: DatasetHeader,
    definition: Network,
    outcome: TrainOutcome,
    state: LiveRun,
  ): void => {
    const current = runs.get(id) as Run;
    if (outcome.stoppedEarly && state.intent === 'pause') {
      change({ ...current, state: 'paused' });
      return;
    }
    const { cohortHash, classes, task, height, width, channels, mean, standardDeviation } = header;
    const model = parts.models.add({
      weightsFile: outcome.weightsFile,
      definition,
      task,
      cohort: request.cohort,
      cohortHash,
      classes,
      test: outcome.test,
      parents: [],
      hyperParameters: hyperParametersSchema.parse(request.hyperParameters),
      seed: request.seed,
      engine: outcome.engine,
      provider: outcome.provider,
      input: { height, width, channels, mean, standardDeviation, preprocessing: header.preprocessing ?? null },
      operatingPoint: outcome.operatingPoint,
      modalities: parts.cohorts.show(request.cohort).modalities,
    });
    change({
      ...current,
      state: outcome.stoppedEarly ? 'stopped' : 'done',
      epochs: outcome.epochs,
      outcome: { ...outcome, weightsFile: model.weightsFile },
    });
  };

  const launch = (id: string, request: FullRequest): void => {
    const abort = new AbortController();
    const state: LiveRun = { abort, intent: 'run', ended: Promise.resolve() };
    // Known as live before it starts: a run that fails at once takes itself off again.
    live.set(id, state);
    state.ended = run(id, request, state);
  };

  const runOf = (id: string): Run => {
    const run = runs.get(id);
    if (!run) throw stationFault.unknownRun(id);
    return run;
  };

  const end = (id: string, intent: 'pause' | 'stop'): void => {
    const run = runOf(id);
    const state = live.get(id);
    if (state) {
      state.intent = intent;
      state.abort.abort();
    } else if (run.state === 'paused' && intent === 'stop') {
      change({ ...run, state: 'stopped' });
    } else {
      throw stationFault.runNotPausable();
    }
  };

  return {
    start(request) {
      if (live.size > 0) throw stationFault.runsBusy();
      const chosen = parts.resolveNetwork(request.network, parts.cohorts.show(request.cohort).task);
      // Batch norm keeps no promise: its twin is trained, and named, in its place.
      const network = request.hyperParameters.privacy ? groupNormTwin(chosen).name : request.network;
      const full = runRequestSchema.parse({ ...request, network, seed: request.seed ?? randomInt(2 ** 32 - 1) });
      const id = `${new Date().toISOString().slice(0, 19).replaceAll(':', '')}-${randomUUID().slice(0, 8)}`;
      mkdirSync(folderOf(id), { recursive: true });
      requests.set(id, full);
      const started: Run = {
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
        preparing: null,
        notes: [...(parts.notes?.() ?? [])],
        hyperParameters: hyperParametersSchema.parse(request.hyperParameters),
        seed: full.seed,
      };
      try {
        record(started);
      } catch (error) {
        requests.delete(id);
        throw error;
      }
      change(started, false);
      launch(id, full);
      return started;
    },
    pause: (id) => end(id, 'pause'),
    stop: (id) => end(id, 'stop'),
    resume(id) {
      const run = runOf(id);
      const request = requests.get(id);
      if (run.state !== 'paused' || !request) throw stationFault.runNotPausable();
      if (live.size > 0) throw stationFault.runsBusy();
      change({ ...run, state: 'running', fault: null });
      launch(id, request);
    },
    list: () => [...runs.values()].sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1)),
    async ended(id) {
      await live.get(id)?.ended;
      return runOf(id);
    },
    async close() {
      const ending = [...live.values()].map((state) => {
        if (state.intent === 'run') state.intent = 'pause';
        state.abort.abort();
        return state.ended;
      });
      const hurry = new AbortController();
      const late = delay(closeDeadlineMs, undefined, { signal: hurry.signal }).catch(() => {});
      await Promise.race([Promise.all(ending), late]);
      hurry.abort();
    },
  };
}

function writeFault(error: unknown): FaultValue {
  return isDiskFull(error) ? stationFault.diskFull().toValue() : faultValueOf(error);
}

function thin(points: Run['losses']): Run['losses'] {
  return points.length <= maxLossPoints ? points : points.filter((_, index) => index % 2 === 0);
}

function readRecords(folder: string): { run: Run; request: FullRequest }[] {
  const records: { run: Run; request: FullRequest }[] = [];
  for (const name of readdirSync(folder)) {
    try {
      const value = JSON.parse(readFileSync(path.join(folder, name, 'run.json'), 'utf8')) as {
        run: unknown;
        request: unknown;
      };
      const run = runSchema.safeParse(value.run);
      const request = runRequestSchema.safeParse(value.request);
      if (run.success && request.success) records.push({ run: run.data, request: request.data });
    } catch {
      // A folder without a readable record is not a run of this book (a federation's, or a damaged one): it is left alone.
    }
  }
  return records;
}
