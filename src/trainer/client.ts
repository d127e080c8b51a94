// The trainer as its parent sees it: jobs go to a process of its own, which may crash without taking the parent along.
import { type ChildProcess, fork } from 'node:child_process';
import path from 'node:path';
import { Fault } from '../contract/fault.ts';
import { type LeakProbe, type LeakProbeJob, leakProbeJobSchema } from '../contract/leak-probe.ts';
import { type FromTrainer, fromTrainerSchema, type TrainerOrder } from '../contract/trainer-messages.ts';
import {
  type Epoch,
  type EvaluateOrder,
  evaluateJobSchema,
  type Evaluation,
  type TrainJob,
  type TrainOrder,
  type TrainOutcome,
  type TrainProgress,
} from '../contract/training.ts';
import {
  type ExportJob,
  exportJobSchema,
  type Prediction,
  predictJobSchema,
  type PredictOrder,
} from '../contract/model-jobs.ts';
import { jobStopped, messageMalformed, trainerCrashed, trainerUnavailable } from './faults.ts';
import { trainerEnvironment, trainerFlags } from './process-environment.ts';

export { shardDamagedCode } from './faults.ts';
export { metricsOf } from './metrics/metrics.ts';
export { multiLabelMetrics } from './metrics/multi-label.ts';
export { chosenPoint } from './metrics/operating-point.ts';
export { networkCatalogue, resolveNetwork } from './networks/catalogue.ts';
export { lossOf } from './networks/loss-of.ts';
export { readNetworkFile } from './networks/own-network.ts';
export { initialWeights, weightSpecifications } from './networks/weights.ts';
export { givenWeights } from './run/class-weights.ts';
export { outcomeOfCheckpoint } from './run/checkpoint-outcome.ts';
export { groupNormTwin } from './privacy/group-norm-twin.ts';
export { withFittedInput } from './networks/fitted-input.ts';
export { composedLoss, noiseMultiplierFor, privacyLoss, stepsWithin } from './privacy/rdp-accountant.ts';
export { checkDelta } from './privacy/faults.ts';
export { recordedSteps } from './privacy/step-count.ts';
export { runWorkload } from './bench/run-workload.ts';

/** A stopped job answers at its next step; a process that has not answered by then hangs and is ended. */
const stopDeadlineMs = 60_000;

export interface TrainListeners {
  readonly onProgress?: (progress: TrainProgress) => void;
  /** Also told of the earlier epochs of a resumed run. */
  readonly onEpoch?: (epoch: Epoch) => void;
  /** Something that the run survived and its reader should know: a damaged checkpoint, a provider that failed. */
  readonly onNote?: (note: string) => void;
  /** Stops the run at its next step; it still resolves, with `stoppedEarly`, and its checkpoint stays. */
  readonly signal?: AbortSignal;
}

export interface TrainerProcess {
  /** Operating-system id of the process that is there now; null before the first job and after a crash. */
  readonly processId: number | null;
  /** Jobs are done one after the other, in the order given. @throws Fault 300–399. */
  train(job: TrainOrder, listeners?: TrainListeners): Promise<TrainOutcome>;
  evaluate(job: EvaluateOrder, options?: { readonly signal?: AbortSignal }): Promise<Evaluation>;
  /** Predictions of single images, with a heat map where it is asked for. @throws Fault 300–399 */
  predict(job: PredictOrder, options?: { readonly signal?: AbortSignal }): Promise<Prediction>;
  /** Writes an inference graph and returns its size in bytes. @throws Fault 300–399 */
  exportModel(job: ExportJob): Promise<number>;
  /** Resolves when this engine can compute here. @throws Fault 320, which names what can */
  checkEngine(job: Pick<TrainJob, 'engine' | 'provider'>): Promise<void>;
  /** @throws Fault 361 when stopped. */
  probeLeak(
    job: Partial<LeakProbeJob> & Pick<LeakProbeJob, 'datasetFile' | 'network'>,
    options?: { readonly signal?: AbortSignal },
  ): Promise<LeakProbe>;
  /** These three mean the running job and do nothing without one. */
  pause(): void;
  resume(): void;
  stop(): void;
  /** Holds the running job and all later ones between two steps, for this reason, until null. */
  hold(reason: string | null): void;
  /** Running and later jobs rest for at least this share of the time. */
  pace(idleShare: number): void;
  /** The running job begins no step for so long. */
  rest(milliseconds: number): void;
  /** Ends the process at once; waiting and running jobs fail with fault 359. A second call does nothing. */
  close(): void;
}

type Answer = Extract<
  FromTrainer,
  { kind: 'trained' | 'evaluated' | 'predicted' | 'exported' | 'engine-checked' | 'leak-probed' }
>;

/** One job on its way through the process. */
interface Task {
  readonly order: Extract<TrainerOrder, { id: number }>;
  readonly listeners: TrainListeners;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (fault: Fault) => void;
}

/**
 * A trainer whose process starts with the first job, and anew after a crash.
 * @param onExit hears of each end of the process that nobody asked for.
 * @param entry the program of the process; tests put one in its place that misbehaves
 */
export function startTrainer({
  onExit,
  entry = trainerEntry(),
}: { readonly onExit?: (how: string) => void; readonly entry?: string } = {}): TrainerProcess {
  const waiting: Task[] = [];
  let child: ChildProcess | null = null;
  let running: Task | null = null;
  /** Where the running job was sent: a process that was given up may still be ending. */
  let runsIn: ChildProcess | null = null;
  let hangTimer: NodeJS.Timeout | undefined;
  let isClosed = false;
  let nextId = 1;
  let heldFor: string | null = null;
  let idleShare = 0;

  const send = (order: TrainerOrder): void => {
    // A process that just died is told of by its exit event.
    if (child?.connected) child.send(order, () => {});
  };

  const finish = (task: Task, settle: () => void): void => {
    if (running === task) running = null;
    clearTimeout(hangTimer);
    settle();
    startNext();
  };

  const startNext = (): void => {
    if (running !== null || isClosed) return;
    const task = waiting.shift();
    if (task === undefined) return;
    running = task;
    if (child === null) {
      child = startProcess();
      if (heldFor !== null) send({ kind: 'hold', reason: heldFor });
      if (idleShare > 0) send({ kind: 'pace', idleShare });
    }
    runsIn = child;
    send(task.order);
  };

  const hear = (message: unknown): void => {
    const decoded = fromTrainerSchema.safeParse(message);
    const task = running;
    if (!decoded.success) {
      const reason = decoded.error.issues[0]?.path.join('.') ?? 'unknown';
      // Whatever sends nonsense is not given the next job.
      child?.kill('SIGKILL');
      child = null;
      if (task !== null) finish(task, () => task.reject(messageMalformed(reason)));
      return;
    }
    const news = decoded.data;
    if (news.kind === 'ready' || task === null || news.id !== task.order.id) return;
    if (news.kind === 'progress') task.listeners.onProgress?.(news.progress);
    else if (news.kind === 'epoch') task.listeners.onEpoch?.(news.epoch);
    else if (news.kind === 'note') task.listeners.onNote?.(news.note);
    else if (news.kind === 'fault') finish(task, () => task.reject(new Fault(news.fault)));
    else finish(task, () => task.resolve(news));
  };

  const startProcess = (): ChildProcess => {
    const started = fork(entry, {
      execPath: process.execPath,
      execArgv: [...trainerFlags],
      // Both to standard error: the parent's standard output may be a document.
      stdio: ['ignore', 2, 2, 'ipc'],
      serialization: 'advanced',
      env: trainerEnvironment(process.env),
    });
    let isGone = false;
    const end = (how: string): void => {
      if (isGone) return;
      isGone = true;
      if (child === started) child = null;
      if (isClosed) return;
      onExit?.(how);
      const task = running;
      if (task !== null && runsIn === started) finish(task, () => task.reject(trainerCrashed(how)));
    };
    started.on('message', (message) => {
      if (child === started) hear(message);
    });
    started.on('exit', (code, signal) => end(signal === null ? `exit code ${code}` : `ended by ${signal}`));
    started.on('error', (error) => end(error.message));
    return started;
  };

  const stopRunning = (): void => {
    if (running === null) return;
    send({ kind: 'stop' });
    clearTimeout(hangTimer);
    hangTimer = setTimeout(() => child?.kill('SIGKILL'), stopDeadlineMs);
    hangTimer.unref();
  };

  const perform = (order: Task['order'], listeners: TrainListeners): Promise<Answer> => {
    const { signal } = listeners;
    return new Promise<Answer>((resolve, reject) => {
      if (isClosed) throw trainerUnavailable('it is closed');
      if (signal?.aborted) throw jobStopped();
      const onAbort = (): void => {
        const place = waiting.indexOf(task);
        if (place >= 0) {
          waiting.splice(place, 1);
          task.reject(jobStopped());
        } else if (running === task) stopRunning();
      };
      const task: Task = {
        order,
        listeners,
        resolve(answer) {
          signal?.removeEventListener('abort', onAbort);
          resolve(answer);
        },
        reject(fault) {
          signal?.removeEventListener('abort', onAbort);
          reject(fault);
        },
      };
      signal?.addEventListener('abort', onAbort);
      waiting.push(task);
      startNext();
    });
  };

  return {
    get processId() {
      return child?.pid ?? null;
    },
    async train(job, listeners = {}) {
      const answer = await perform({ kind: 'train', id: nextId++, job }, listeners);
      if (answer.kind !== 'trained') throw messageMalformed('kind');
      return answer.outcome;
    },
    async evaluate(job, options = {}) {
      const answer = await perform({ kind: 'evaluate', id: nextId++, job: evaluateJobSchema.parse(job) }, options);
      if (answer.kind !== 'evaluated') throw messageMalformed('kind');
      return answer.evaluation;
    },
    async predict(job, options = {}) {
      const answer = await perform({ kind: 'predict', id: nextId++, job: predictJobSchema.parse(job) }, options);
      if (answer.kind !== 'predicted') throw messageMalformed('kind');
      return answer.prediction;
    },
    async exportModel(job) {
      const answer = await perform({ kind: 'export', id: nextId++, job: exportJobSchema.parse(job) }, {});
      if (answer.kind !== 'exported') throw messageMalformed('kind');
      return answer.bytes;
    },
    async checkEngine(job) {
      const answer = await perform({ kind: 'check-engine', id: nextId++, job }, {});
      if (answer.kind !== 'engine-checked') throw messageMalformed('kind');
    },
    async probeLeak(job, options = {}) {
      const answer = await perform({ kind: 'probe-leak', id: nextId++, job: leakProbeJobSchema.parse(job) }, options);
      if (answer.kind !== 'leak-probed') throw messageMalformed('kind');
      return answer.probe;
    },
    pause: () => send({ kind: 'pause' }),
    resume: () => send({ kind: 'resume' }),
    stop: stopRunning,
    hold(reason) {
      if (reason === heldFor) return;
      heldFor = reason;
      send({ kind: 'hold', reason });
    },
    pace(given) {
      if (given === idleShare) return;
      idleShare = given;
      send({ kind: 'pace', idleShare });
    },
    rest(milliseconds) {
      if (running !== null) send({ kind: 'rest', milliseconds });
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      clearTimeout(hangTimer);
      child?.kill('SIGKILL');
      const unfinished = [...(running === null ? [] : [running]), ...waiting.splice(0)];
      running = null;
      for (const task of unfinished) task.reject(trainerUnavailable('it was closed'));
    },
  };
}

/** The program of the trainer process: beside this source file, or in the bundle (CommonJS) in the folder beside it. */
function trainerEntry(): string {
  const isBundled = typeof __filename === 'string' && __filename.endsWith('.cjs');
  return isBundled
    ? path.join(path.dirname(__filename), '../trainer/trainer.cjs')
    : path.join(import.meta.dirname, 'trainer.ts');
}
