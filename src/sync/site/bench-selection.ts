// The ensemble that a site chooses from its bench on its own validation examples, what each peer adds to it, and the scoreboard.
import type { Project, Scoreboard } from '../../contract/federation.ts';
import type { Metrics } from '../../contract/metrics.ts';
import { softVote } from '../../contract/soft-vote.ts';
import { selectEnsemble } from '../aggregation/ensemble.ts';
import { trunkOnBench } from './bench-candidate.ts';
import { benchScore } from './bench-score.ts';
import type { CachedPredictions } from './cached-predictions.ts';
import type { MembershipDesk } from './membership-desk.ts';
import { climbedByDice, diceOf, type MaskVotes } from './mask-vote.ts';
import type { BenchCandidate } from './membership-file.ts';

/**
 * Chooses anew from what is evaluated and not muted, by the state's method. The ensemble is never worse than the best single
 * model, so never worse than the site alone.
 */
export async function selectFromBench(
  desk: MembershipDesk,
  { predictions, votes }: { readonly predictions: CachedPredictions; readonly votes: MaskVotes },
  project: Project,
  cohort: string,
): Promise<void> {
  const { state } = desk;
  const judged = state.candidates.filter(
    ({ model, metrics, author }) =>
      metrics !== null && predictions.has(model) && (author === null || !state.muted.includes(author)),
  );
  if (judged.length === 0) return;
  /** Another project or cohort meanwhile: this choice is about what nobody asks for any more. */
  const isAsked = (): boolean => judged.every((candidate) => state.candidates.includes(candidate));
  // The same weights may stand on the bench under two names: one vote.
  const distinct = [...new Map(judged.map((candidate) => [candidate.model, candidate])).values()];
  const { ids, reached, score, ensemble } =
    project.network.task === 'segmentation'
      ? await bestMasks(async (voters) => (isAsked() ? votes.of(voters, project, cohort) : null), project, distinct)
      : await bestVote(desk, predictions, project, cohort, distinct);
  const help = await helpOf({ candidates: distinct, ids, reached, own: desk.keys.fingerprint, score });
  if (!isAsked()) return;
  state.selected = [...ids];
  state.help = help;
  const metricsOf = (wanted: (candidate: BenchCandidate) => boolean): Metrics | null =>
    judged.find(wanted)?.metrics ?? null;
  state.scoreboard = {
    split: 'validation',
    rows: [
      ...row(
        'local-only',
        metricsOf(({ model }) => model === state.own?.model),
      ),
      ...row(
        'trunk',
        metricsOf(({ site }) => site === trunkOnBench),
      ),
      ...row('ensemble', ensemble),
    ],
  };
}

/** What was chosen, how well it does, and how any other choice would do. */
interface Choice {
  readonly ids: readonly string[];
  readonly reached: number;
  /** Null where it was not measured, and is not worth it. */
  readonly score: (models: readonly string[]) => Promise<number | null>;
  readonly ensemble: Metrics | null;
}

async function bestVote(
  desk: MembershipDesk,
  predictions: CachedPredictions,
  project: Project,
  cohort: string,
  candidates: readonly BenchCandidate[],
): Promise<Choice> {
  const labels = predictions.labels();
  const classes = project.classes.length;
  const isMultiLabel = project.network.task === 'multi-label';
  const scoreOf = (probabilities: Float32Array): number => benchScore(probabilities, labels, classes, isMultiLabel);
  const byModel = new Map(candidates.map(({ model }) => [model, predictions.of(model)]));
  const { ids, score: reached } = selectEnsemble({
    candidates: [...byModel].map(([id, probabilities]) => ({ id, probabilities })),
    examples: isMultiLabel ? labels.length / classes : labels.length,
    classes,
    seed: project.seed,
    method: desk.state.selectionMethod,
    score: scoreOf,
  });
  const vote = (models: readonly string[]): Float32Array => softVote(models.map((model) => byModel.get(model)!));
  const ensemble = await desk.work.measure({ project, cohort, probabilities: vote(ids), split: 'validation' });
  return { ids, reached, score: async (models) => scoreOf(vote(models)), ensemble };
}

async function bestMasks(
  measured: (voters: readonly BenchCandidate[]) => Promise<Metrics | null>,
  project: Project,
  candidates: readonly BenchCandidate[],
): Promise<Choice> {
  const { chosen, reached, tried } = await climbedByDice(candidates, project, measured);
  const ids = chosen.map(({ model }) => model);
  const named = (models: readonly string[]): BenchCandidate[] =>
    models.map((id) => candidates.find(({ model }) => model === id)!);
  const score: Choice['score'] = async (models) => {
    const voters = named(models);
    if (voters.length > 1 && !voters.every((one) => tried.includes(one))) return null;
    const metrics = await measured(voters);
    return metrics && diceOf(metrics);
  };
  return { ids, reached, score, ensemble: await measured(chosen) };
}

/**
 * By peer: the score of the ensemble less that of the ensemble without the peer's models; of one that was not chosen what its best
 * model would have added, which is seldom more than nothing.
 */
async function helpOf(choice: {
  readonly candidates: readonly BenchCandidate[];
  readonly ids: readonly string[];
  readonly reached: number;
  readonly own: string;
  readonly score: Choice['score'];
}): Promise<Record<string, number>> {
  const { candidates, ids, reached, own, score } = choice;
  /** The best that any of these choices comes to. */
  const best = async (choices: readonly (readonly string[])[]): Promise<number | null> => {
    const scores: number[] = [];
    for (const one of choices) scores.push(...[(await score(one)) ?? []].flat());
    return scores.length === 0 ? null : Math.max(...scores);
  };
  const help: Record<string, number> = {};
  const byAuthor = Map.groupBy(candidates, ({ author }) => author);
  for (const [author, models] of byAuthor) {
    if (author === null || author === own) continue;
    const theirs = new Set(models.map(({ model }) => model));
    const rest = ids.filter((id) => !theirs.has(id));
    const others = candidates.filter(({ model }) => !theirs.has(model));
    if (rest.length === ids.length) {
      const more = await best(models.map(({ model }) => [...ids, model]));
      if (more !== null) help[author] = more - reached;
    } else {
      const without = await best(rest.length > 0 ? [rest] : others.map(({ model }) => [model]));
      help[author] = reached - (without ?? 0);
    }
  }
  return help;
}

function row(model: 'local-only' | 'trunk' | 'ensemble', metrics: Metrics | null): Scoreboard['rows'] {
  if (metrics === null) return [];
  const { auc, accuracy, loss, dice } = metrics;
  return [{ model, auc, accuracy, loss, dice }];
}
