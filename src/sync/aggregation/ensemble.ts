// Which models of a site's bench vote together: FedPAE (arXiv 2410.14075). The search trades the strength of the members
// against their diversity on the site's own validation examples; of that trade-off front the best-scoring vote is taken.
// Or by hill climbing, as in ImagiQ's first prototype: one model more, less or other at a time, for as long as the vote gets better.
import type { SelectionMethod } from '../../contract/peers.ts';
import { softVote } from '../../contract/soft-vote.ts';
import { seededRandom } from './seeded-random.ts';
import { paretoSubsets } from './subset-search.ts';

export interface Candidate {
  readonly id: string;
  /** Predictions on the validation examples, row-major [examples, classes]. */
  readonly probabilities: Float32Array;
}

/** The paper's settings. */
const population = 40;
const generations = 40;
const crossoverRate = 0.9;
const mutationRate = 0.05;

/**
 * The ensemble with the best validation score on the front of strength × diversity. It never scores below the best single
 * candidate; between equal scores the smaller ensemble wins. The same input gives the same choice.
 * Strength: mean score of the members alone. Diversity: mean pairwise total-variation distance of their predictions.
 * @param selection.score larger is better, for example the AUC; a NaN counts as the worst.
 */
export function selectEnsemble(selection: {
  readonly candidates: readonly Candidate[];
  /** Validation examples, and classes of each. */
  readonly examples: number;
  readonly classes: number;
  readonly seed: number;
  /** Default: nsga-ii. */
  readonly method?: SelectionMethod;
  score(probabilities: Float32Array): number;
}): { readonly ids: string[]; readonly score: number } {
  const { candidates, examples, classes } = selection;
  if (candidates.length === 0) throw new RangeError('an ensemble needs at least one candidate');
  if (candidates.some(({ probabilities }) => probabilities.length !== examples * classes)) {
    throw new RangeError('predictions and examples differ in number');
  }
  const score = (members: readonly number[]): number => {
    const value = selection.score(softVote(members.map((index) => candidates[index]!.probabilities)));
    return Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value;
  };
  const singles = candidates.map((_, index) => [index]);
  const strengths = singles.map(score);
  const found =
    selection.method === 'hill-climbing'
      ? [climbed(candidates.length, score, strengths)]
      : tradeOffFront(candidates, examples, strengths, selection.seed);
  let best: { members: readonly number[]; score: number } | null = null;
  for (const members of [...singles, ...found].sort((a, b) => a.length - b.length)) {
    const value = members.length === 1 ? strengths[members[0]!]! : score(members);
    if (best === null || value > best.score) best = { members, score: value };
  }
  return { ids: best!.members.map((index) => candidates[index]!.id), score: best!.score };
}

/** The subsets that no other found is better than in strength and diversity both. */
function tradeOffFront(
  candidates: readonly Candidate[],
  examples: number,
  strengths: readonly number[],
  seed: number,
): number[][] {
  const distances = pairwiseDistances(candidates, examples);
  const everyone = candidates.map((_, index) => index);
  return paretoSubsets({
    size: candidates.length,
    objectives: (members) => [mean(members.map((index) => strengths[index]!)), diversity(members, distances)],
    startingSubsets: [...everyone.map((index) => [index]), everyone],
    random: seededRandom(seed),
    population,
    generations,
    crossoverRate,
    mutationRate,
  });
}

/** From the best single model: the best of all subsets that differ in one model (added, removed, exchanged), until none is better. */
function climbed(
  count: number,
  score: (members: readonly number[]) => number,
  strengths: readonly number[],
): readonly number[] {
  let members = [strengths.indexOf(Math.max(...strengths))];
  let reached = strengths[members[0]!]!;
  for (;;) {
    const others = Array.from({ length: count }, (_, index) => index).filter((index) => !members.includes(index));
    const fewer = members.length > 1 ? members.map((leaving) => members.filter((one) => one !== leaving)) : [];
    const exchanged = members.flatMap((leaving) =>
      others.map((coming) => [...members.filter((one) => one !== leaving), coming]),
    );
    const steps = [...fewer, ...exchanged, ...others.map((coming) => [...members, coming])];
    const scores = steps.map(score);
    const best = scores.reduce(
      (top, value, index) => (value > (scores[top] ?? Number.NEGATIVE_INFINITY) ? index : top),
      0,
    );
    if (steps.length === 0 || scores[best]! <= reached) return members;
    members = steps[best]!;
    reached = scores[best]!;
  }
}

/** Mean total-variation distance of each pair's predictions: 0 for equal, 1 where they never agree. Row-major, symmetric. */
function pairwiseDistances(candidates: readonly Candidate[], examples: number): Float64Array {
  const count = candidates.length;
  const distances = new Float64Array(count * count);
  for (let a = 0; a < count; a += 1) {
    for (let b = 0; b < a; b += 1) {
      const [one, other] = [candidates[a]!.probabilities, candidates[b]!.probabilities];
      let total = 0;
      for (let index = 0; index < one.length; index += 1) total += Math.abs(one[index]! - other[index]!);
      distances[a * count + b] = distances[b * count + a] = examples === 0 ? 0 : total / (2 * examples);
    }
  }
  return distances;
}

function diversity(members: readonly number[], distances: Float64Array): number {
  const count = Math.sqrt(distances.length);
  let total = 0;
  for (const a of members) for (const b of members) total += distances[a * count + b]!;
  return members.length < 2 ? 0 : total / (members.length * (members.length - 1));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
