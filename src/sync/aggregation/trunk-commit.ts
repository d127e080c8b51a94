// From a buffer of updates to the next trunk version: w ← w + η Σ pᵢ Δᵢ with pᵢ = nᵢ s(τᵢ) / Σⱼ nⱼ s(τⱼ).
// That is FedBuff (arXiv 2106.06639) with its weights normalised by their mean, so that a commit has the same size however
// stale its buffer is; with fresh updates of all sites and η = 1 it is FedAvg (arXiv 1602.05629), with one update FedAsync.
import { openAccumulator } from './accumulator.ts';
import { aggregationFault } from './faults.ts';
import { stalenessWeight, type StalenessRule } from './staleness.ts';
import type { Weights, WeightTensor } from './weights.ts';

/** What the hub knows of a buffered update before it opens it. */
export interface Contribution {
  /** Names the update (its idempotency key): the same id counts once. */
  readonly id: string;
  /** Training examples behind it, ≥ 1. */
  readonly examples: number;
  readonly stalenessCommits: number;
}

export interface CommitRule {
  readonly staleness: StalenessRule;
  /** η > 0; 1 moves the trunk by the whole mean update. */
  readonly serverLearningRate: number;
  /** β of the server's momentum v ← βv + Σ pᵢ Δᵢ, w ← w + ηv (FedAvgM, arXiv 1909.06335); 0 is none. */
  readonly serverMomentum?: number;
}

export interface Commit {
  readonly weights: Weights;
  /** The server's momentum for the next commit; null without momentum. */
  readonly velocity: Weights | null;
}

export interface OpenCommit {
  /** Ids whose updates have not been added yet. */
  readonly missing: ReadonlySet<string>;
  /** Adds an update that was checked against the base; in any order; a second time it changes nothing. */
  add(id: string, update: Weights): void;
  /** The next trunk. All contributions must have been added. */
  finish(): Commit;
}

/**
 * The share of each contribution in a commit; shares add up to 1 and do not depend on the order given.
 * @throws Fault 558 when an id comes twice with different numbers, 559 when one has no examples.
 */
export function contributionShares(
  contributions: readonly Contribution[],
  staleness: StalenessRule,
): ReadonlyMap<string, number> {
  const known = new Map<string, Contribution>();
  for (const contribution of contributions) {
    const { id, examples, stalenessCommits } = contribution;
    if (!Number.isSafeInteger(examples) || examples < 1) throw aggregationFault.noExamples(id);
    const first = known.get(id);
    if (first && (first.examples !== examples || first.stalenessCommits !== stalenessCommits)) {
      throw aggregationFault.contradictory(id);
    }
    known.set(id, contribution);
  }
  const weights = new Map(
    [...known].map(([id, c]) => [id, c.examples * stalenessWeight(staleness, c.stalenessCommits)]),
  );
  // Summed in order of size: the order of arrival must not show in the last bit.
  const total = Float64Array.from(weights.values())
    .sort()
    .reduce((sum, weight) => sum + weight, 0);
  return new Map([...weights].map(([id, weight]) => [id, weight / total]));
}

/**
 * Begins a commit on `base`; updates are then added one at a time, so that memory does not grow with their number.
 * @param velocity the momentum that the previous commit returned; null for the first.
 */
export function openCommit(options: {
  readonly base: Weights;
  readonly contributions: readonly Contribution[];
  readonly rule: CommitRule;
  readonly velocity?: Weights | null;
}): OpenCommit {
  const { base, rule } = options;
  const shares = contributionShares(options.contributions, rule.staleness);
  if (shares.size === 0) throw new RangeError('a commit needs at least one contribution');
  const missing = new Set(shares.keys());
  const accumulator = openAccumulator(base);
  return {
    missing,
    add(id, update) {
      const share = shares.get(id);
      if (share === undefined) throw new RangeError(`update ${id} is not part of this commit`);
      if (missing.delete(id)) accumulator.add(update, share);
    },
    finish() {
      if (missing.size > 0) throw new RangeError(`${missing.size} updates of this commit are missing`);
      return committed(base, accumulator.sum(), rule, options.velocity ?? null);
    },
  };
}

function committed(
  base: Weights,
  meanUpdate: ReadonlyMap<string, Float64Array>,
  rule: CommitRule,
  velocity: Weights | null,
): Commit {
  const momentum = rule.serverMomentum ?? 0;
  const weights = new Map<string, WeightTensor>();
  const nextVelocity = new Map<string, WeightTensor>();
  for (const [name, { shape, values }] of base) {
    const step = meanUpdate.get(name)!;
    const previous = momentum > 0 ? velocity?.get(name)?.values : undefined;
    if (previous) for (let index = 0; index < step.length; index += 1) step[index]! += momentum * previous[index]!;
    const next = new Float32Array(values.length);
    for (let index = 0; index < next.length; index += 1) {
      next[index] = values[index]! + rule.serverLearningRate * step[index]!;
    }
    weights.set(name, { shape, values: next });
    if (momentum > 0) nextVelocity.set(name, { shape, values: Float32Array.from(step) });
  }
  return { weights, velocity: momentum > 0 ? nextVelocity : null };
}
