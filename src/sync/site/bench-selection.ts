// The ensemble that a site chooses from its bench on its own validation examples, what each peer adds to it, and the scoreboard.
import type { Project, Scoreboard } from '../../contract/federation.ts';
import type { Metrics } from '../../contract/metrics.ts';
import { softVote } from '../../contract/soft-vote.ts';
import { selectEnsemble } from '../aggregation/ensemble.ts';
import { trunkOnBench } from './bench-candidate.ts';
import { benchScore } from './bench-score.ts';
import type { CachedPredictions } from './cached-predictions.ts';
import type { MembershipDesk } from './membership-desk.ts';
import type { BenchCandidate } from './membership-file.ts';

/**
 * Chooses anew from what is evaluated and not muted, by the state's method. The ensemble is never worse than the best single
 * model, so never worse than the site alone. Where masks are drawn it is that model.
 */
export async function selectFromBench(
  desk: MembershipDesk,
  predictions: CachedPredictions,
  project: Project,
  cohort: string,
): Promise<void> {
  const { state } = desk;
  const judged = state.candidates.filter(
    ({ model, metrics, author }) =>
      metrics !== null && predictions.has(model) && (author === null || !state.muted.includes(author)),
  );
  if (judged.length === 0) return;
  // The same weights may stand on the bench under two names: one vote.
  const distinct = [...new Map(judged.map((candidate) => [candidate.model, candidate])).values()];
  const { ids, reached, score, ensemble } =
    project.network.task === 'segmentation'
      ? bestOfMasks(distinct)
      : await bestVote(desk, predictions, project, cohort, distinct);
  // Another project or cohort meanwhile: this choice is about what nobody asks for any more.
  if (!judged.every((candidate) => state.candidates.includes(candidate))) return;
  state.selected = ids;
  state.help = helpOf({ candidates: distinct, ids, reached, own: desk.keys.fingerprint, score });
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
  readonly ids: string[];
  readonly reached: number;
  readonly score: (models: readonly string[]) => number;
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
  return { ids, reached, score: (models) => scoreOf(vote(models)), ensemble };
}

/** Of masks no predictions are kept that could vote: the best single model is chosen, by its Dice. */
function bestOfMasks(candidates: readonly BenchCandidate[]): Choice {
  const dice = (model: string): number =>
    candidates.find((candidate) => candidate.model === model)?.metrics?.dice?.value ?? 0;
  const [best] = candidates.toSorted((a, b) => dice(b.model) - dice(a.model));
  const score = (models: readonly string[]): number => Math.max(...models.map(dice));
  return { ids: [best!.model], reached: dice(best!.model), score, ensemble: best!.metrics };
}

/**
 * By peer: the score of the ensemble less that of the ensemble without the peer's models; of one that was not chosen what its best
 * model would have added, which is seldom more than nothing.
 */
function helpOf(choice: {
  readonly candidates: readonly BenchCandidate[];
  readonly ids: readonly string[];
  readonly reached: number;
  readonly own: string;
  readonly score: (models: readonly string[]) => number;
}): Record<string, number> {
  const { candidates, ids, reached, own, score } = choice;
  const help: Record<string, number> = {};
  const byAuthor = Map.groupBy(candidates, ({ author }) => author);
  for (const [author, models] of byAuthor) {
    if (author === null || author === own) continue;
    const theirs = new Set(models.map(({ model }) => model));
    const rest = ids.filter((id) => !theirs.has(id));
    if (rest.length === 0) {
      const others = candidates.filter(({ model }) => !theirs.has(model)).map(({ model }) => score([model]));
      help[author] = others.length === 0 ? reached : reached - Math.max(...others);
    } else if (rest.length < ids.length) help[author] = reached - score(rest);
    else help[author] = Math.max(...models.map(({ model }) => score([...ids, model]) - reached));
  }
  return help;
}

function row(model: 'local-only' | 'trunk' | 'ensemble', metrics: Metrics | null): Scoreboard['rows'] {
  return metrics === null ? [] : [{ model, auc: metrics.auc, accuracy: metrics.accuracy, loss: metrics.loss }];
}
