// The training runs of a station: started, paused, resumed, stopped, and remembered over restarts.
// One run is live at a time; a run that a crash interrupted is shown as paused and continues from its checkpoint.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Run } from '../../contract/calls.ts';
import type { DatasetHeader } from '../../contract/dataset.ts';
import { faultValueOf, type FaultValue } from '../../contract/fault.ts';
import { hyperParametersSchema } from '../../contract/training.ts';
import { isDiskFull, stationFault } from '../faults.ts';
import { outcomeOfCheckpoint } from '../../trainer/client.ts';
import type { ModelRegistry } from '../models/model-registry.ts';
import { newRun, type RunRequest } from './new-run.ts';
import { modelOfRun } from './run-model.ts';
import { withEpoch, withNote, withPreparing, withProgress } from './run-news.ts';
import { type FullRequest, type Learnt, readRunRecords, type RunBasis, writeRunRecord } from './run-record.ts';
import { type RunWorkListeners, type RunWorkParts, workOnRun } from './run-work.ts';

/** A run's record is written to disk at most this often while it trains. */
const recordIntervalMs = 2_000;
/** How long closing waits for live runs to write their checkpoints. */
const closeDeadlineMs = 3_000;

export interface RunBook {
  /** Resolves when what a run is to compute on is here: before it is started, since it would be left without having begun. @throws Fault 320 */
  checkEngine(request: Pick<RunRequest, 'engine' | 'provider'>): Promise<void>;
  start(request: RunRequest): Run;
  pause(id: string): void;
  resume(id: string): void;
  stop(id: string): void;
  list(): Run[];
  /** Ids of the runs whose record on the disk is damaged: they can only be deleted. */
  damaged(): string[];
  /** Removes a run that is not running, or is damaged, with its checkpoints; what became of it stays among the models. @throws Fault 606, 617 */
  delete(id: string): void;
  /** Resolves when the run is done, stopped or failed. */
  ended(id: string): Promise<Run>;
  /** Pauses live runs; resolves when their checkpoints are written, or after 3 s. */
  close(): Promise<void>;
}

export interface RunBookParts extends RunWorkParts {
  readonly folder: string;
  readonly models: ModelRegistry;
  /** What every run's reader should know when one begins now. */
  readonly notes?: () => readonly string[];
  /** Hears of a run before it begins. What it throws keeps the run from beginning. */
  readonly onStart?: (run: Run) => void;
  readonly onChange: (run: Run) => void;
}

interface LiveRun {
  readonly abort: AbortController;
  ended: Promise<void>;
  intent: 'run' | 'pause' | 'stop';
}

/** Opens the book; runs that were live when the station died become paused. */
export function openRunBook(parts: RunBookParts): RunBook {
  const runs = new Map<string, Run>();
  const requests = new Map<string, FullRequest>();
  const bases = new Map<string, RunBasis>();
  const headers = new Map<string, DatasetHeader>();
  const live = new Map<string, LiveRun>();
  const recordedAt = new Map<string, number>();

  const folderOf = (id: string): string => path.join(parts.folder, id);

  const record = (run: Run): void => {
    recordedAt.set(run.id, Date.now());
    const request = requests.get(run.id) as FullRequest;
    const [basis, header] = [bases.get(run.id) ?? null, headers.get(run.id) ?? null];
    writeRunRecord(folderOf(run.id), { run, request, basis, header });
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

  const kept = readRunRecords(parts.folder);
  const damaged = new Set(kept.damaged);
  for (const { run, request, basis, header } of kept.records) {
    const interrupted = run.state === 'running';
    const fault = run.fault ?? stationFault.runCutOff().toValue();
    runs.set(run.id, interrupted ? { ...run, state: 'paused', preparing: null, waitsFor: null, fault } : run);
    requests.set(run.id, request);
    if (basis !== null) bases.set(run.id, basis);
    if (header !== null) headers.set(run.id, header);
  }

  const run = async (id: string, request: FullRequest, state: LiveRun): Promise<void> => {
    const current = (): Run => runs.get(id) as Run;
    try {
      const folder = folderOf(id);
      const order = { id, folder, request, basis: bases.get(id) ?? null, signal: state.abort.signal };
      const learnt = await workOnRun(parts, order, listenersOf(id));
      finish(id, request, learnt, state.intent);
    } catch (error) {
      const ended = { ...current(), preparing: null, waitsFor: null };
      runs.set(id, ended);
      const fault = writeFault(error);
      // What can be put right (a full disk, a process that was ended) leaves a run that can be resumed.
      if (state.intent === 'run' && fault.retry === 'never') fail(id, request, fault);
      else if (state.intent === 'run') change({ ...ended, state: 'paused', fault });
      else if (state.intent === 'pause') change({ ...ended, state: 'paused' });
      else stopUnbegun(id);
    } finally {
      live.delete(id);
    }
  };

  const listenersOf = (id: string): RunWorkListeners => {
    const current = (): Run => runs.get(id) as Run;
    /** Of the data set that this sitting brings, until the trainer has taken the run's folder for one of it. */
    let brought: DatasetHeader | null = null;
    return {
      onPreparing(progress) {
        const told = withPreparing(current(), progress);
        if (told !== null) change(told, false);
      },
      onBasis(basis, header) {
        bases.set(id, basis);
        brought = { ...header, shards: [] };
        change({ ...current(), preparing: null, waitsFor: null });
      },
      onProgress(progress) {
        // The trainer's first word: had the folder's checkpoint been of another data set, it would have refused the run (356).
        const isFirst = brought !== null;
        if (brought !== null) headers.set(id, brought);
        brought = null;
        change(withProgress(current(), progress), isFirst);
      },
      onNote: (note) => change(withNote(current(), note)),
      onEpoch: (epoch) => change(withEpoch(current(), epoch)),
    };
  };

  const finish = (id: string, request: FullRequest, learnt: Learnt, intent: LiveRun['intent']): void => {
    const { stoppedEarly, steps } = learnt.outcome;
    if (stoppedEarly && intent === 'pause') change({ ...runOf(id), state: 'paused' });
    // Random weights are nobody's model.
    else if (steps === 0) change({ ...runOf(id), state: 'stopped' });
    else keepModel(id, request, learnt, { state: stoppedEarly ? 'stopped' : 'done', fault: null });
  };

  /** Makes the model of what a run learnt, which ends so. */
  const keepModel = (
    id: string,
    request: FullRequest,
    { outcome, header }: Learnt,
    end: Pick<Run, 'state' | 'fault'>,
    notes: readonly string[] = [],
  ): void => {
    const modalities = parts.cohorts.withHash(request.cohort, header.cohortHash)?.modalities ?? [];
    const description = modelOfRun(request, bases.get(id) as RunBasis, { outcome, header }, modalities);
    const { weightsFile, isKnown, id: model, network } = parts.models.add(description);
    const same = `The very same training was made before: model ${model} (${network}) stays as it is.`;
    const run = (isKnown ? [...notes, same] : notes).reduce(withNote, runOf(id));
    change({ ...run, ...end, epochs: outcome.epochs, outcome: { ...outcome, weightsFile } });
  };

  /** What a run without a trainer had learnt at its last checkpoint; null where there is none. */
  const learntSoFar = (id: string, request: FullRequest): Learnt | null => {
    const [basis, header] = [bases.get(id), headers.get(id)];
    // Without them it has not trained.
    if (!basis || !header) return null;
    const { progress } = runOf(id);
    const [network, classes] = [basis.definition, header.classes.length];
    const hyperParameters = hyperParametersSchema.parse(request.hyperParameters);
    const { engine } = request;
    const interrupted = { runFolder: folderOf(id), network, classes, engine, hyperParameters, progress };
    const outcome = outcomeOfCheckpoint(interrupted, listenersOf(id).onNote);
    return outcome === null ? null : { outcome, header };
  };

  /** A run that cannot go on leaves the model of its best epoch, where one was validated: hours may be behind it. */
  const fail = (id: string, request: FullRequest, fault: FaultValue): void => {
    const end = { state: 'failed', fault } as const;
    try {
      const learnt = learntSoFar(id, request);
      const bestEpoch = learnt?.outcome.bestEpoch ?? null;
      if (learnt !== null && bestEpoch !== null) {
        const kept = `The model of epoch ${bestEpoch}, the best until then, was kept.`;
        return keepModel(id, request, learnt, end, [kept]);
      }
    } catch (error) {
      // The fault of the run stays what ended it.
      const { code, message } = writeFault(error);
      if (code !== fault.code) runs.set(id, withNote(runOf(id), `Its best model could not be kept: ${message}`));
    }
    change({ ...runOf(id), ...end });
  };

  const launch = (id: string, request: FullRequest): void => {
    const abort = new AbortController();
    const state: LiveRun = { abort, intent: 'run', ended: Promise.resolve() };
    // Known as live before it starts: a run that fails at once takes itself off again.
    live.set(id, state);
    state.ended = run(id, request, state);
  };

  /** A run without a trainer, paused or cut off, ends as the model of its last checkpoint. */
  const stopPaused = (id: string): void => {
    const request = requests.get(id);
    let learnt: Learnt | null = null;
    try {
      learnt = request ? learntSoFar(id, request) : null;
    } catch (error) {
      const fault = writeFault(error);
      if (fault.retry !== 'never') throw error;
      // No later try would make a model of it: it ends all the same.
      return change({ ...runOf(id), state: 'failed', fault });
    }
    // It cannot be resumed any more, as its fault advises.
    if (!request || learnt === null) change({ ...runOf(id), state: 'stopped', fault: null });
    else finish(id, request, learnt, 'stop');
  };

  /** Stopped before it had begun again: what it learnt before it was paused is kept, or waits until it can be. Never throws, as `run` may not. */
  const stopUnbegun = (id: string): void => {
    try {
      stopPaused(id);
    } catch (error) {
      change({ ...runOf(id), state: 'paused', fault: writeFault(error) });
    }
  };

  const runOf = (id: string): Run => {
    const run = runs.get(id);
    if (!run) throw damaged.has(id) ? stationFault.runDamaged(id) : stationFault.unknownRun(id);
    return run;
  };

  const end = (id: string, intent: 'pause' | 'stop'): void => {
    const run = runOf(id);
    const state = live.get(id);
    if (state) {
      state.intent = intent;
      state.abort.abort();
    } else if (run.state === 'paused') {
      if (intent === 'pause') throw stationFault.runPaused();
      stopPaused(id);
    } else {
      throw stationFault.runNotPausable();
    }
  };

  return {
    async checkEngine({ engine, provider }) {
      if (live.size > 0) throw stationFault.runsBusy();
      // The CPU is everywhere, and what is tried in order comes to it.
      if (engine === 'compiled' && (provider === 'auto' || provider === 'cpu')) return;
      await parts.trainer.checkEngine({ engine, provider });
    },
    start(request) {
      if (live.size > 0) throw stationFault.runsBusy();
      const { run: started, request: full, basis } = newRun(request, parts);
      const { id } = started;
      requests.set(id, full);
      if (basis !== null) bases.set(id, basis);
      try {
        parts.onStart?.(started);
        record(started);
      } catch (error) {
        requests.delete(id);
        bases.delete(id);
        rmSync(folderOf(id), { recursive: true, force: true });
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
      if (run.state === 'running') throw stationFault.runUnderWay();
      if (run.state !== 'paused' || !request) throw stationFault.runNotPausable();
      if (live.size > 0) throw stationFault.runsBusy();
      // Its last step was before the pause.
      const progress = run.progress && { ...run.progress, state: 'preparing' as const };
      change({ ...run, state: 'running', fault: null, progress });
      launch(id, request);
    },
    delete(id) {
      if (!damaged.has(id) && runOf(id).state === 'running') throw stationFault.runUnderWay();
      rmSync(folderOf(id), { recursive: true, force: true });
      damaged.delete(id);
      for (const told of [runs, requests, bases, headers, recordedAt]) told.delete(id);
    },
    list: () => [...runs.values()].sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1)),
    damaged: () => [...damaged],
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
