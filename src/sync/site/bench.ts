// The bench: models of this site and of its peers, each judged on this site's own validation data, and the ensemble chosen from
// them. Models leave sealed for each recipient; received ones are opened, checked and evaluated here, on weights alone.
import type { Project } from '../../contract/federation.ts';
import { openTurns } from '../../contract/in-turn.ts';
import type { SelectionMethod } from '../../contract/peers.ts';
import { isOnBench, localOnlyBranch, type NewCandidate, trunkOnBench } from './bench-candidate.ts';
import { selectFromBench } from './bench-selection.ts';
import { voterOf } from './bench-voter.ts';
import { openCachedPredictions } from './cached-predictions.ts';
import { mayLeave } from './leak-gate.ts';
import { openMaskVotes } from './mask-vote.ts';
import type { MembershipDesk } from './membership-desk.ts';
import type { BenchCandidate } from './membership-file.ts';
import { openPublication, type Publication } from './publication.ts';
import { openReception, type Reception } from './reception.ts';

export interface Bench {
  readonly publication: Publication;
  readonly reception: Reception;
  /** Puts a model on the bench; it takes the place of the author's earlier one of the same branch, as a trunk does of its predecessor. */
  add(candidate: NewCandidate): void;
  /** Evaluates one model that has not been yet. @returns whether there was one. */
  evaluateNext(project: Project, cohort: string): Promise<boolean>;
  /** Chooses the ensemble anew. */
  select(project: Project, cohort: string, method: SelectionMethod | null): Promise<void>;
  /** Shows this site's own model, and hands everything that is shown to the members that have not got it. */
  share(): Promise<void>;
  /** Every member has what this site shows, as far as this site can do something about it. */
  readonly isShared: boolean;
  /** Another cohort: this site's own models go, the others are evaluated again. */
  judgeAnew(): void;
  /** Another project: everything goes. */
  clear(): void;
}

const plainCandidate = {
  author: null,
  branch: localOnlyBranch,
  sequence: 0,
  definition: null,
  normalisation: null,
  turn: null,
  examples: 0,
} as const;

export function openBench(desk: MembershipDesk): Bench {
  const { state, keys } = desk;
  const predictions = openCachedPredictions(`${desk.folder}/predictions`);
  const votes = openMaskVotes(desk);
  const publication = openPublication(desk);
  let showing: Promise<void> | null = null;

  const takesPlaceOf = (next: NewCandidate, known: BenchCandidate): boolean =>
    known.model !== next.model &&
    (next.site === trunkOnBench
      ? known.site === trunkOnBench
      : known.author === next.author && known.branch === next.branch);

  const add = (next: NewCandidate): void => {
    const earlier = state.candidates.filter((known) => takesPlaceOf(next, known));
    state.candidates = state.candidates.filter((known) => !earlier.includes(known));
    for (const { model } of earlier) {
      // The same weights may stand here under another name.
      if (!state.candidates.some((known) => known.model === model)) predictions.remove(model);
      desk.forget(model);
    }
    const added = { ...plainCandidate, ...next };
    const same = state.candidates.find(
      ({ model, site, branch }) => model === added.model && site === added.site && branch === added.branch,
    );
    if (same === undefined) state.candidates.push({ ...added, metrics: null });
    // A commit may leave the weights as they were.
    else Object.assign(same, added);
    desk.save();
  };
  const reception = openReception(desk, add);

  // The work and a person's order may ask at once: one at a time, so that nothing is evaluated twice.
  const inTurn = openTurns();
  const evaluateOne = async (project: Project, cohort: string): Promise<boolean> => {
    const candidate = state.candidates.find(
      (one) => one.metrics === null && isOnBench(one) && (one.author === null || !state.muted.includes(one.author)),
    );
    if (candidate === undefined) return false;
    const voter = await voterOf(candidate, desk);
    const { metrics, probabilities, labels } = await desk.work.evaluate({
      project,
      cohort,
      split: 'validation',
      ...voter,
    });
    // The project or the cohort may have changed meanwhile: then nobody asks for this any more.
    if (!state.candidates.includes(candidate)) return true;
    predictions.put(candidate.model, probabilities, labels);
    candidate.metrics = metrics;
    if (state.candidates.every((one) => one.metrics !== null || !isOnBench(one)))
      await selectFromBench(desk, { predictions, votes }, project, cohort);
    desk.save();
    return true;
  };

  /** The model that this site trained alone is shown as soon as it is judged. */
  const showOwn = async (): Promise<void> => {
    const { own, project, approval } = state;
    if (own === null || project === null || approval === null || !mayLeave(state)) return;
    const metrics = state.candidates.find(({ model }) => model === own.model)?.metrics;
    const isShown = state.published.some(({ model, branch }) => model === own.model && branch === localOnlyBranch);
    if (!metrics || isShown) return;
    await publication.publish({
      model: own.model,
      branch: localOnlyBranch,
      turn: null,
      parents: [],
      network: project.project.network.name,
      definition: null,
      normalisation: null,
      datasetFingerprint: approval.datasetFingerprint,
      examples: own.examples,
      metrics: { auc: metrics.auc?.value ?? null, accuracy: metrics.accuracy?.value ?? null, loss: metrics.loss },
      audience: null,
    });
  };

  const forgetOwn = (): void => {
    const { own } = state;
    state.own = null;
    publication.clear();
    if (own !== null) desk.forget(own.model);
    predictions.clear();
    votes.clear();
    state.selected = [];
    state.help = {};
    state.scoreboard = null;
  };

  return {
    publication,
    reception,
    add,
    evaluateNext: (project, cohort) => inTurn(() => evaluateOne(project, cohort)),
    select: (project, cohort, method) =>
      inTurn(async () => {
        if (method !== null) state.selectionMethod = method;
        await selectFromBench(desk, { predictions, votes }, project, cohort);
        desk.save();
      }),
    share() {
      showing ??= showOwn().finally(() => {
        showing = null;
      });
      return showing.then(() => publication.deliver());
    },
    get isShared() {
      return publication.awaiting.length === 0 && (state.own === null || state.published.length > 0);
    },
    judgeAnew() {
      const own = state.candidates.filter(({ author, site }) => author === keys.fingerprint || site === state.site);
      state.candidates = state.candidates
        .filter((candidate) => !own.includes(candidate))
        .map((candidate) => ({ ...candidate, metrics: null }));
      forgetOwn();
      for (const { model } of own) desk.forget(model);
    },
    clear() {
      const dropped = state.candidates;
      state.candidates = [];
      state.lineage = [];
      forgetOwn();
      for (const { model } of dropped) desk.forget(model);
    },
  };
}
