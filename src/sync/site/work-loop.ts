// One membership's work, step by step: pull the newest trunk, judge it, train from it, put the update into the outbox; in between the
// bench. It never waits for another site, and while the hub is away it goes on from the trunk it has.
import { Fault } from '../../contract/fault.ts';
import type { Project } from '../../contract/federation.ts';
import { retryDelayMs } from '../protocol/backoff.ts';
import type { Bench } from './bench.ts';
import { localOnlyBranch } from './bench-candidate.ts';
import { nothingMoreCode, siteFault } from './faults.ts';
import { atHome } from './home-normalisation.ts';
import { isHeld, owesProbe, runProbe } from './leak-gate.ts';
import type { Activity, MembershipDesk } from './membership-desk.ts';
import { openModeWork } from './mode-work.ts';
import { type During, openTrunkHere } from './trunk-here.ts';
import type { Outbox } from './outbox.ts';
import { givenVariates } from './own-variate.ts';
import { enterFailure, isOfTheWire, openWorkRetries, workFaultOf } from './work-retries.ts';

/** Updates that may wait for a hub that is away; then training pauses, since more of them would be refused as stale. */
const maxSpooledUpdates = 4;
/** While the hub is there, the next update starts from what the last one led to. */
const maxUndeliveredUpdates = 1;

export interface WorkLoop {
  /** Something changed: look again. Work that failed here keeps its rest. */
  poke(): void;
  readonly activity: Activity;
  /** Why the work at hand failed and is tried again; null while it goes well. */
  readonly failure: string | null;
  /** Project finished, everything judged. */
  readonly isDone: boolean;
  /** Ends the work at hand (another project, another cohort) and begins anew. */
  restart(): void;
  /** A person changed what may be trained: tries again at once, also where nothing more could be, or while failed work rests. */
  lookAgain(): void;
  close(): Promise<void>;
}

export function openWorkLoop(order: {
  readonly desk: MembershipDesk;
  readonly bench: Bench;
  readonly outbox: Outbox;
  readonly random: () => number;
  /** In a mode without trunk: the last turn is made here, and on the disk. */
  readonly onTurnsDone: () => void;
}): WorkLoop {
  const { desk, bench, outbox } = order;
  const { state, blobs, work } = desk;
  const retries = openWorkRetries(desk, order.random);
  const modes = openModeWork(desk, bench, () => poke());
  let activity: Activity = 'waiting';
  let isDone = false;
  const closing = new AbortController();
  let isPoked = false;
  /** Somebody here changed something: ends a rest that news do not end. */
  let isOrdered = false;
  /** A mode may wait for no longer than its patience. */
  let longestPauseMs: number | null = null;
  let wake = (): void => {};
  let abort = new AbortController();
  /** The trunk from which no more may be trained here, until the next comes. */
  let spentTrunk: string | null = null;
  /** The site's own model can be made no more. */
  let isAloneSpent = false;

  const during: During = async <T>(what: Activity, run: () => Promise<T>): Promise<T> => {
    activity = what;
    desk.changed();
    return run();
  };

  const { isHere, fetchTrunk, newestHeld, judgeTrunk } = openTrunkHere(desk, bench, during);

  /** Does the next thing that can be done. @returns false when there is nothing to do for now. */
  const step = async (signal: AbortSignal): Promise<boolean> => {
    isDone = false;
    longestPauseMs = null;
    const { project: current, approval, trunk } = state;
    if (state.standing !== 'member' || current === null || trunk === null) return false;
    if (approval === null || approval.projectHash !== current.hash) {
      // It may read the trunk without a cohort, and has nothing to measure it on.
      return state.role === 'observer' && fetchTrunk(current.project, trunk);
    }
    const { project } = current;
    const { cohort } = approval;
    const datasetFingerprint = await work.datasetFingerprint(cohort);
    // Another project or cohort meanwhile: begin anew.
    if (signal.aborted) return true;
    if (datasetFingerprint !== approval.datasetFingerprint) {
      state.approval = null;
      // Made from data that the consent does not cover any more.
      outbox.clear();
      state.reason = siteFault.cohortChanged(cohort).message;
      desk.save();
      return false;
    }
    if (!isHere(trunk)) {
      if (await fetchTrunk(project, trunk)) return true;
    } else if (!state.history.some(({ trunkVersion }) => trunkVersion === trunk.version)) {
      await during('evaluating', () => judgeTrunk(project, cohort, trunk, signal));
      return true;
    }
    if (bench.reception.waiting().length > 0) {
      const opened = await during('downloading', () => bench.reception.openNext(project));
      if (opened !== null) return true;
    }
    if (await during('evaluating', () => bench.evaluateNext(project, cohort))) return true;
    if (state.role === 'observer') {
      isDone = current.isFinished && blobs.has(trunk.blob);
      return false;
    }
    if (owesProbe(state)) {
      const held = newestHeld();
      if (held === null) return false;
      const trunkWeights = await blobs.read(held.blob);
      await during('probing', () => runProbe(desk, { project, cohort, trunkWeights, signal }));
      return true;
    }
    if (isHeld(state)) {
      if (modes.follow(project)) return true;
      isDone = current.isFinished && blobs.has(trunk.blob);
      return false;
    }
    const isAloneDue = project.peerModels && state.own === null && !isAloneSpent;
    if (isAloneDue && (state.turn > 0 || current.isFinished)) {
      await during('training', () => trainAlone(project, cohort, signal));
      return true;
    }
    if (modes.follow(project)) return true;
    if (current.isFinished) {
      const isAloneDone = !project.peerModels || ((state.own !== null || isAloneSpent) && bench.isShared);
      isDone = blobs.has(trunk.blob) && state.spool.length === 0 && isAloneDone;
      return false;
    }
    if (project.mode.kind !== 'trunk') return modeStep(project, cohort, signal);
    if (outbox.isProjectOver) return false;
    const base = newestHeld();
    const mostSpooled = desk.channel() === null ? maxSpooledUpdates : maxUndeliveredUpdates;
    if (base === null || isSpent() || state.spool.length >= mostSpooled) return false;
    if (project.trunkRule.rounds && base.version === state.trainedFrom) return false;
    await during('training', () => trainUpdate(project, cohort, base, signal));
    return true;
  };

  /** A mode without trunk: the sites move the shared model themselves. */
  const modeStep = async (project: Project, cohort: string, signal: AbortSignal): Promise<boolean> => {
    const outcome = await during('training', () => modes.step(project, cohort, signal, !isSpent()));
    if (typeof outcome === 'object') {
      longestPauseMs = outcome.waitMs;
      return false;
    }
    if (outcome === 'finished' && state.project !== null) {
      state.project.isFinished = true;
      desk.save();
      order.onTurnsDone();
    }
    return true;
  };

  const trainAlone = async (project: Project, cohort: string, signal: AbortSignal): Promise<void> => {
    const trained = await work.trainLocalOnly({ project, cohort, signal }).catch((thrown: unknown) => {
      const fault = workFaultOf(thrown);
      if (fault.code !== nothingMoreCode) throw thrown;
      return fault;
    });
    if (signal.aborted) return;
    if (trained instanceof Fault) {
      isAloneSpent = true;
      saySpent(trained);
      return;
    }
    const { weights, examples } = trained;
    state.own = { model: blobs.put(weights), examples };
    bench.add({
      model: state.own.model,
      site: state.site,
      network: project.network.name,
      trunkVersion: null,
      author: desk.keys.fingerprint,
      branch: localOnlyBranch,
    });
    desk.save();
    while (await bench.evaluateNext(project, cohort)) if (signal.aborted) return;
    // Sharing needs the hub; what fails now is done at the next connection.
    void bench.share().then(poke, () => {});
  };

  const trainUpdate = async (
    project: Project,
    cohort: string,
    base: { version: number; blob: string },
    signal: AbortSignal,
  ): Promise<void> => {
    // Those of this trunk: the next may come while it is read.
    const controlVariates = givenVariates(desk, project);
    const trunkWeights = await blobs.read(base.blob);
    const { turn } = state;
    const trained = await work.trainUpdate({
      project,
      cohort,
      trunkWeights: atHome(desk, project, trunkWeights),
      trunkVersion: base.version,
      turn,
      controlVariates,
      signal,
      onProgress: () => {},
    });
    if (signal.aborted) return;
    try {
      outbox.store({ ...trained, trunk: { ...base, weights: trunkWeights } });
    } catch (thrown) {
      // Another turn is another seed: the same would diverge again.
      state.turn += 1;
      throw thrown;
    }
    desk.ledger('update-trained', { project: project.id, baseVersion: base.version, examples: trained.examples });
    void outbox.deliver().then(poke);
  };

  const poke = (): void => {
    isPoked = true;
    wake();
  };
  const hurry = (): void => {
    isOrdered = true;
    poke();
  };

  const pause = (longestMs: number | null, endsWithNews = true): Promise<void> => {
    const isOver = (): boolean => isOrdered || closing.signal.aborted || (isPoked && endsWithNews);
    if (isOver()) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = longestMs === null ? null : setTimeout(resolve, longestMs);
      wake = () => {
        if (!isOver()) return;
        if (timer !== null) clearTimeout(timer);
        resolve();
      };
    });
  };

  const isSpent = (): boolean => spentTrunk !== null && newestHeld()?.blob === spentTrunk;

  /** Nothing more may be trained: said once, not at every trunk. */
  const saySpent = (fault: Fault): void => {
    if (state.reason === fault.message) return;
    state.reason = fault.message;
    state.spentReason = fault.message;
    enterFailure(desk, fault);
    desk.save();
  };

  /** What was spent may not be any more: the reason shown is out of date. */
  const withdrawSpent = (): void => {
    if (state.spentReason !== null && state.reason === state.spentReason) state.reason = null;
    state.spentReason = null;
  };
  const forgetSpent = (): void => {
    [spentTrunk, isAloneSpent] = [null, false];
    withdrawSpent();
  };

  const run = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      [isPoked, isOrdered] = [false, false];
      const { signal } = abort;
      const { turn } = state;
      try {
        const didSomething = await step(signal);
        retries.worked();
        // Also what an earlier start of the app said.
        if (state.turn > turn) withdrawSpent();
        if (didSomething) continue;
        activity = isDone ? 'idle' : 'waiting';
        desk.changed();
        await pause(longestPauseMs);
      } catch (thrown) {
        if (closing.signal.aborted || signal.aborted) continue;
        const fault = workFaultOf(thrown);
        activity = 'waiting';
        if (fault.code === nothingMoreCode) {
          spentTrunk = newestHeld()?.blob ?? null;
          saySpent(fault);
          desk.changed();
          await pause(retryDelayMs(Number.POSITIVE_INFINITY, order.random));
          continue;
        }
        const restMs = retries.failed(fault);
        desk.changed();
        // A line that is back lets what failed with it go on.
        await pause(restMs, isOfTheWire(fault));
      }
    }
  };
  const running = run();

  return {
    poke,
    get activity() {
      return activity;
    },
    get failure() {
      return retries.reason;
    },
    get isDone() {
      return isDone;
    },
    restart() {
      abort.abort();
      abort = new AbortController();
      forgetSpent();
      hurry();
    },
    lookAgain() {
      forgetSpent();
      hurry();
    },
    async close() {
      closing.abort();
      abort.abort();
      wake();
      await running;
    },
  };
}
