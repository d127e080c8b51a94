// The modes without a trunk at the hub: gossip, cyclic and rotating. All three are the bench's two acts, publish and receive, on branches
// of their own; they go on without the hub once the sites know each other and hold the project's first weights (docs/peers.md).
import type { Project } from '../../contract/federation.ts';
import { metropolisShare, mixed, neighboursOf, weightedMean } from '../aggregation/mixing.ts';
import { isAhead, successionOf } from '../aggregation/succession.ts';
import { believedAfterMs } from '../aggregation/turn-claim.ts';
import { decodeWeights, encodeWeights, type Weights } from '../aggregation/weights.ts';
import type { Bench } from './bench.ts';
import { chainBranch, contributionBranch, gossipBranch } from './bench-candidate.ts';
import { siteFault } from './faults.ts';
import type { MembershipDesk } from './membership-desk.ts';
import type { BenchCandidate } from './membership-file.ts';
import { peersOf } from './peers.ts';

/** Members who may take a rotating round's aggregation: the one whose round it is, and who steps in. */
const aggregators = 3;

/** `waitMs`: look again after so long at the latest; null: when something changes. */
export type ModeStep = 'did' | 'finished' | { readonly waitMs: number | null };

export interface ModeWork {
  /**
   * Does the mode's next thing. The shared model as this site has it is `state.trunk`, its version the turn.
   * @param mayTrain from that model; who may not waits for another's
   */
  step(project: Project, cohort: string, signal: AbortSignal, mayTrain: boolean): Promise<ModeStep>;
  /** Takes over the newest model of the chain, where another site has it; of gossip there is none. @returns whether it did. */
  follow(project: Project): boolean;
}

/** @param onDelivered what was published is with those who can be reached. */
export function openModeWork(desk: MembershipDesk, bench: Bench, onDelivered: () => void): ModeWork {
  const { state, blobs, keys } = desk;
  const roster = (): string[] => [...peersOf(state, keys.fingerprint), keys.fingerprint];
  const onBranch = (branch: string): BenchCandidate[] =>
    state.candidates.filter((one) => one.branch === branch && blobs.has(one.model));
  const parentsOf = (model: string): readonly string[] =>
    state.lineage.findLast((ancestor) => ancestor.model === model)?.parents ?? [];
  const waited = (): number => desk.clock() - state.turnAt;
  /** When a turn that another claims is believed; null where none waits for that. */
  let believedInMs: number | null = null;

  const train = async (project: Project, cohort: string, weights: Uint8Array, signal: AbortSignal) => {
    const trunkVersion = state.trunk!.version;
    return desk.work.trainUpdate({
      project,
      cohort,
      trunkWeights: weights,
      trunkVersion,
      turn: state.turn,
      controlVariates: null,
      signal,
      onProgress: () => {},
    });
  };

  /** The shared model moves here: to what this site made, or took over. */
  const move = (model: string, version: number, by: string): void => {
    const before = state.trunk!.blob;
    state.trunk = { version, blob: model, bytes: blobs.size(model) ?? 0, controlVariate: null };
    state.turnBy = by;
    state.turnAt = desk.clock();
    if (before !== model) desk.forget(before);
  };

  const publish = async (made: {
    readonly project: Project;
    readonly model: string;
    readonly branch: string;
    readonly turn: number;
    readonly parents: readonly string[];
    readonly examples: number;
    readonly loss: number;
    readonly audience: readonly string[] | null;
  }): Promise<void> => {
    const { project, model, branch, turn, parents, examples, loss, audience } = made;
    await bench.publication.publish({
      model,
      branch,
      turn,
      parents: [...new Set(parents)].slice(0, 100),
      network: project.network.name,
      definition: null,
      normalisation: null,
      datasetFingerprint: state.approval!.datasetFingerprint,
      examples,
      metrics: { auc: null, accuracy: null, loss: Number.isFinite(loss) ? loss : -1 },
      audience,
    });
    // What cannot be handed over now is handed over later.
    void bench.share().then(onDelivered, () => {});
  };

  /**
   * Stores weights under a name that no other site, branch, turn or parent gives them, even where the numbers are the same: a model is one
   * point of the history. A training that diverged is not passed on.
   */
  const stored = (weights: Weights, branch: string, turn: number, parent: string): string => {
    for (const { values } of weights.values()) {
      if (!values.every(Number.isFinite)) throw siteFault.badTraining('it diverged: weights are not numbers any more.');
    }
    return blobs.put(encodeWeights(weights, { branch, turn: String(turn), parent, author: keys.fingerprint }));
  };

  const gossip = async (
    project: Project,
    mode: Extract<Project['mode'], { kind: 'gossip' }>,
    cohort: string,
    signal: AbortSignal,
  ): Promise<ModeStep> => {
    const { version, blob } = state.trunk!;
    const mesh = roster();
    const neighbours = neighboursOf(mesh, keys.fingerprint, mode.neighbours);
    const isNeighbour = ({ author }: BenchCandidate): boolean => author !== null && neighbours.includes(author);
    const isNew = (one: BenchCandidate): boolean => isNeighbour(one) && !state.mixedIn.includes(one.model);
    const known = onBranch(gossipBranch).filter(isNeighbour);
    const news = known.filter(isNew);
    // Nobody waits for a neighbour that is away; who runs ahead alone gives the others a moment. Of one that has made its last turn no news
    // will come: who is behind a neighbour goes on with what it has.
    const isBehind = known.some(({ turn }) => turn !== null && turn > version);
    const leftMs = mode.patienceMs - waited();
    const isToWait = version > 0 && neighbours.length > 0 && news.length === 0 && !isBehind;
    if (isToWait && leftMs > 0) return { waitMs: leftMs };
    const own = decodeWeights(await blobs.read(blob));
    const others = await Promise.all(
      news.map(async ({ model, author }) => ({
        weights: decodeWeights(await blobs.read(model)),
        share: metropolisShare(neighbours.length, neighboursOf(mesh, author!, mode.neighbours).length),
      })),
    );
    const start = others.length === 0 ? await blobs.read(blob) : encodeWeights(mixed(own, others));
    const { weights, examples, loss } = await train(project, cohort, start, signal);
    if (signal.aborted) return 'did';
    const turn = version + 1;
    const model = stored(decodeWeights(weights), gossipBranch, turn, blob);
    state.turn += 1;
    // Of the neighbours' models the newest of each stands on the bench: older ones need not be remembered.
    state.mixedIn = onBranch(gossipBranch)
      .filter((one) => !isNew(one) || news.includes(one))
      .map((one) => one.model);
    move(model, turn, keys.fingerprint);
    const parents = [blob, ...news.map((one) => one.model)];
    await publish({ project, model, branch: gossipBranch, turn, parents, examples, loss, audience: neighbours });
    desk.save();
    return 'did';
  };

  const follow = (project: Project, patienceMs: number, places: number): boolean => {
    const { version } = state.trunk!;
    const here = { turn: version, by: state.turnBy ?? '' };
    const rule = { roster: roster(), seed: project.seed, patienceMs, places, turns: project.commits };
    believedInMs = null;
    const isBelieved = (one: { model: string; by: string; turn: number }): boolean => {
      const parents = parentsOf(one.model);
      const followsAnother = state.lineage.some(
        ({ model, author, branch, turn }) =>
          branch === chainBranch && turn === one.turn - 1 && author !== one.by && parents.includes(model),
      );
      const afterMs = believedAfterMs({ ...one, followsAnother }, version, rule);
      if (afterMs === null) return false;
      const leftMs = afterMs - waited();
      if (leftMs > 0) believedInMs = Math.min(believedInMs ?? leftMs, leftMs);
      return leftMs <= 0;
    };
    const found = onBranch(chainBranch)
      .flatMap(({ model, author, turn }) => (author === null || turn === null ? [] : [{ model, by: author, turn }]))
      .filter(isBelieved)
      .reduce<{ model: string; by: string; turn: number } | null>(
        (best, one) => (best === null || isAhead(one, best, roster(), project.seed) ? one : best),
        null,
      );
    if (found === null || !isAhead(found, here, roster(), project.seed)) return false;
    move(found.model, found.turn, found.by);
    // Measured here anew, although another model of this turn may have been.
    state.history = state.history.filter(({ trunkVersion }) => trunkVersion !== found.turn);
    desk.save();
    return true;
  };

  const cyclic = async (
    project: Project,
    patienceMs: number,
    cohort: string,
    signal: AbortSignal,
  ): Promise<ModeStep> => {
    const { version, blob } = state.trunk!;
    const place = successionOf(roster(), version, project.seed).indexOf(keys.fingerprint);
    const leftMs = place * patienceMs - waited();
    if (leftMs > 0) return { waitMs: leftMs };
    const { weights, examples, loss } = await train(project, cohort, await blobs.read(blob), signal);
    // Someone may have gone on meanwhile: then this turn was theirs.
    if (signal.aborted || state.trunk?.blob !== blob || followIn(project)) return 'did';
    const model = stored(decodeWeights(weights), chainBranch, version + 1, blob);
    state.turn += 1;
    move(model, version + 1, keys.fingerprint);
    await publish({
      project,
      model,
      branch: chainBranch,
      turn: version + 1,
      parents: [blob],
      examples,
      loss,
      audience: null,
    });
    desk.save();
    return 'did';
  };

  const rotating = async (
    project: Project,
    patienceMs: number,
    cohort: string,
    signal: AbortSignal,
  ): Promise<ModeStep> => {
    const { version, blob } = state.trunk!;
    const turn = version + 1;
    const order = successionOf(roster(), version, project.seed);
    const place = order.indexOf(keys.fingerprint);
    const isOfTurn = (one: BenchCandidate): boolean => one.turn === turn && parentsOf(one.model).includes(blob);
    const contributions = onBranch(contributionBranch).filter(isOfTurn);
    if (!contributions.some(({ author }) => author === keys.fingerprint)) {
      const { weights, examples, loss } = await train(project, cohort, await blobs.read(blob), signal);
      if (signal.aborted || state.trunk?.blob !== blob || followIn(project)) return 'did';
      const model = stored(decodeWeights(weights), contributionBranch, turn, blob);
      state.turn += 1;
      const audience = order.slice(0, aggregators).filter((one) => one !== keys.fingerprint);
      const branch = contributionBranch;
      const { site } = state;
      bench.add({
        model,
        site,
        network: project.network.name,
        trunkVersion: null,
        author: keys.fingerprint,
        branch,
        turn,
        examples,
      });
      await publish({ project, model, branch, turn, parents: [blob], examples, loss, audience });
      desk.save();
      return 'did';
    }
    if (place >= aggregators) return { waitMs: null };
    const isComplete = contributions.length >= order.length;
    const leftMs = (place + 1) * patienceMs - waited();
    if (leftMs > 0 && !(isComplete && place === 0)) return { waitMs: leftMs };
    // Fewer than half are no federation: a site that is cut off does not go on alone.
    if (2 * contributions.length < order.length) return { waitMs: null };
    const parts = await Promise.all(
      contributions.map(async ({ model, examples }) => ({
        weights: decodeWeights(await blobs.read(model)),
        examples: Math.max(1, examples),
      })),
    );
    const model = stored(weightedMean(parts), chainBranch, turn, blob);
    if (state.trunk?.blob !== blob) return 'did';
    move(model, turn, keys.fingerprint);
    const parents = [blob, ...contributions.map((one) => one.model).sort()];
    const examples = parts.reduce((sum, part) => sum + part.examples, 0);
    await publish({ project, model, branch: chainBranch, turn, parents, examples, loss: Number.NaN, audience: null });
    desk.save();
    return 'did';
  };

  const followIn = (project: Project): boolean => {
    const { mode } = project;
    if (mode.kind === 'cyclic') return follow(project, mode.patienceMs, Number.POSITIVE_INFINITY);
    return mode.kind === 'rotating' && follow(project, mode.patienceMs, aggregators);
  };
  const stepIn = async (project: Project, cohort: string, signal: AbortSignal): Promise<ModeStep> => {
    const { mode } = project;
    switch (mode.kind) {
      case 'trunk':
        return { waitMs: null };
      case 'gossip':
        return gossip(project, mode, cohort, signal);
      case 'cyclic':
        return cyclic(project, mode.patienceMs, cohort, signal);
      case 'rotating':
        return rotating(project, mode.patienceMs, cohort, signal);
    }
  };

  return {
    follow: followIn,
    async step(project, cohort, signal, mayTrain) {
      if (state.trunk!.version >= project.commits) return 'finished';
      const outcome: ModeStep = mayTrain ? await stepIn(project, cohort, signal) : { waitMs: null };
      if (typeof outcome !== 'object' || believedInMs === null) return outcome;
      return { waitMs: Math.min(outcome.waitMs ?? believedInMs, believedInMs) };
    },
  };
}
