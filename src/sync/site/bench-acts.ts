// What a person orders of the bench: show a model, fetch, evaluate, choose, opt out of a peer. The work loop does most of it by itself.
import type { z } from 'zod';
import { Fault } from '../../contract/fault.ts';
import type { Project } from '../../contract/federation.ts';
import type { Metrics } from '../../contract/metrics.ts';
import type { Network } from '../../contract/network.ts';
import type { peerCalls, SelectionMethod } from '../../contract/peers.ts';
import { checkUpdate } from '../aggregation/update.ts';
import { decodeWeights } from '../aggregation/weights.ts';
import type { Bench } from './bench.ts';
import { isOnBench, trunkOnBench } from './bench-candidate.ts';
import { siteFault } from './faults.ts';
import { homeTrunkOf } from './home-normalisation.ts';
import { isHeld, owesProbe } from './leak-gate.ts';
import type { MembershipDesk } from './membership-desk.ts';

type Outcome<N extends keyof typeof peerCalls> = z.output<(typeof peerCalls)[N]['out']>;

/** A committed model as the station knows it. */
export interface CommittedModel {
  /** Tensor file in the network's canonical order. */
  readonly weights: Uint8Array;
  readonly definition: Network;
  readonly classes: readonly string[];
  readonly normalisation: { readonly mean: number; readonly standardDeviation: number } | null;
  /** SHA-256 of the weights of the models that it was trained from, as far as they are known. */
  readonly parents: readonly string[];
  /** SHA-256 (hex) of the cohort version that it was trained on. */
  readonly datasetFingerprint: string;
  readonly examples: number;
  readonly metrics: Metrics | null;
}

/** A model of the bench, as the station takes it among its own. */
export interface BenchModel {
  /** Tensor file in the network's canonical order; of the trunk with this site's own normalisation layers where the project has them. */
  readonly weights: Uint8Array;
  readonly definition: Network;
  readonly project: Project;
  /** The approved cohort, on which it was judged here. */
  readonly cohort: string;
  /** Its author's, where it has one: else that of the cohort. */
  readonly normalisation: { readonly mean: number; readonly standardDeviation: number } | null;
  /** `trunk` for the shared model. */
  readonly site: string;
  readonly version: number | null;
  /** This site's own images took part in its training. */
  readonly isOfThisSite: boolean;
}

export interface BenchActs {
  /** @param model how its hash begins; null for the trunk. @throws Fault 456, 480, 497 when there is none or more than one. */
  model(model: string | null): Promise<BenchModel>;
  /** Hashes of the models that this site chose. @throws Fault 456, 480, 483 before it did */
  ensemble(): string[];
  /** @throws Fault 456, 480, 481 when there is nothing that it could be shown for; 468, 469 before the leak probe and a person allow it. */
  publish(model: CommittedModel): Promise<Outcome<'publish-model'>>;
  /** @throws Fault 456, 482 */
  pull(site: string | null): Promise<Outcome<'pull-models'>>;
  /** @throws Fault 456, 480 */
  evaluate(): Promise<Outcome<'evaluate-bench'>>;
  /** @throws Fault 456, 480, 483 */
  select(method: SelectionMethod | null): Promise<Outcome<'select-ensemble'>>;
  /** @throws Fault 482 */
  mute(site: string, isMuted: boolean): Promise<void>;
}

export function openBenchActs(desk: MembershipDesk, bench: Bench, siteOf: (fingerprint: string) => string): BenchActs {
  const { state, keys } = desk;

  const projectHere = (): Project => {
    if (state.project === null) throw siteFault.noProject(state.federation);
    return state.project.project;
  };
  const approved = (): { project: Project; cohort: string } => {
    const project = projectHere();
    if (state.approval === null || state.approval.projectHash !== state.project?.hash) throw siteFault.notApproved();
    return { project, cohort: state.approval.cohort };
  };
  const fingerprintNamed = (site: string): string => {
    const found = state.memberFingerprints.find((one) => one !== keys.fingerprint && siteOf(one) === site);
    if (found === undefined) throw siteFault.noSuchPeer(site);
    return found;
  };
  const evaluateAll = async (project: Project, cohort: string): Promise<number> => {
    let evaluated = 0;
    while (await bench.evaluateNext(project, cohort)) evaluated += 1;
    return evaluated;
  };

  return {
    async model(asked) {
      const { project, cohort } = approved();
      const found = state.candidates.filter(
        (one) => isOnBench(one) && (asked === null ? one.site === trunkOnBench : one.model.startsWith(asked)),
      );
      const [candidate, ...others] = found;
      if (candidate === undefined || others.some(({ model }) => model !== candidate.model))
        throw siteFault.noSuchModel(asked);
      const isTrunk = candidate.site === trunkOnBench;
      return {
        weights: await desk.blobs.read(isTrunk ? homeTrunkOf(desk, candidate.model) : candidate.model),
        definition: candidate.definition ?? project.network,
        project,
        cohort,
        normalisation: candidate.normalisation,
        site: candidate.site,
        version: candidate.trunkVersion,
        isOfThisSite: isTrunk || candidate.author === keys.fingerprint || candidate.author === null,
      };
    },
    ensemble() {
      approved();
      if (state.selected.length === 0) throw siteFault.emptyBench();
      return [...state.selected];
    },
    async publish(model) {
      const { project } = approved();
      if (owesProbe(state)) throw siteFault.probeOwed();
      if (isHeld(state)) throw siteFault.held(state.federation);
      const { definition, classes } = model;
      if (definition.task !== project.network.task) throw siteFault.notPublishable(`it is made for ${definition.task}`);
      if (classes.join('\n') !== project.classes.join('\n')) {
        throw siteFault.notPublishable(`its classes are ${classes.join(', ')}, in this order`);
      }
      const weights = decodeWeights(model.weights);
      const layout = new Map(
        desk.work
          .layoutOf(definition, classes.length)
          .map(({ name, shape }) => [name, { shape, values: new Float32Array(0) }]),
      );
      const refusal = checkUpdate(weights, { layout });
      if (refusal !== null) throw siteFault.notPublishable(refusal.message);
      const hash = desk.blobs.put(model.weights);
      const isOfProject = JSON.stringify(definition) === JSON.stringify(project.network);
      const network = definition.name;
      const branch = `model-${hash.slice(0, 16)}`;
      const other = { definition: isOfProject ? null : definition, normalisation: model.normalisation };
      bench.add({
        model: hash,
        site: state.site,
        network,
        trunkVersion: null,
        author: keys.fingerprint,
        branch,
        ...other,
      });
      const { metrics } = model;
      await bench.publication.publish({
        model: hash,
        branch,
        turn: null,
        parents: [...model.parents],
        network,
        ...other,
        datasetFingerprint: model.datasetFingerprint,
        examples: model.examples,
        metrics: {
          auc: metrics?.auc?.value ?? null,
          accuracy: metrics?.accuracy?.value ?? null,
          loss: metrics?.loss ?? -1,
        },
        audience: null,
      });
      await desk.tried();
      await orLater(bench.share());
      const published = state.published.find((one) => one.branch === branch);
      return { model: hash, network, recipients: (published?.recipients ?? []).map(siteOf) };
    },

    async pull(site) {
      await desk.tried();
      const project = projectHere();
      const author = site === null ? undefined : fingerprintNamed(site);
      const before = new Set(state.lineage);
      let refused = 0;
      for (;;) {
        const outcome = await bench.reception.openNext(project, author);
        if (outcome === null) break;
        if (outcome === 'refused') refused += 1;
      }
      const isNew = (one: (typeof state.lineage)[number]): boolean =>
        !before.has(one) && one.author !== null && one.author !== keys.fingerprint;
      return {
        fetched: state.lineage.filter(isNew).map(({ model, site: from }) => ({ model, site: from })),
        refused,
        waiting: bench.reception.waiting(author).length,
      };
    },

    async evaluate() {
      const { project, cohort } = approved();
      return { evaluated: await evaluateAll(project, cohort) };
    },

    async select(method) {
      const { project, cohort } = approved();
      await evaluateAll(project, cohort);
      await bench.select(project, cohort, method);
      const { scoreboard } = state;
      if (scoreboard === null || state.selected.length === 0) throw siteFault.emptyBench();
      const row = (wanted: string) => scoreboard.rows.find(({ model }) => model === wanted);
      const figures = (of: 'auc' | 'accuracy' | 'dice') => ({
        ensemble: row('ensemble')?.[of] ?? null,
        localOnly: row('local-only')?.[of] ?? null,
        trunk: row(trunkOnBench)?.[of] ?? null,
      });
      return {
        // Masks are chosen one more at a time, whatever is asked.
        method: project.network.task === 'segmentation' ? 'hill-climbing' : state.selectionMethod,
        members: state.candidates
          .filter((one) => isOnBench(one) && state.selected.includes(one.model))
          .map(({ model, site, network }) => ({ model, site, network })),
        auc: figures('auc'),
        accuracy: figures('accuracy'),
        dice: figures('dice'),
      };
    },

    async mute(site, isMuted) {
      const fingerprint = fingerprintNamed(site);
      state.muted = [...state.muted.filter((one) => one !== fingerprint), ...(isMuted ? [fingerprint] : [])];
      desk.save();
      desk.ledger(isMuted ? 'peer-muted' : 'peer-heard', { site });
      const { project, approval } = state;
      if (project !== null && approval !== null) await bench.select(project.project, approval.cohort, null);
    },
  };
}

/** What cannot be handed over now is handed over later. */
async function orLater(delivery: Promise<void>): Promise<void> {
  try {
    await delivery;
  } catch (thrown) {
    if (!(thrown instanceof Fault) || thrown.retry === 'never') throw thrown;
  }
}
