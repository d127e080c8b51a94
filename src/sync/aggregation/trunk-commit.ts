// From a buffer of updates to the next trunk version: w ← w + η · optimiser(combination of the updates).
// With the default rule that is w ← w + η Σ pᵢ Δᵢ, pᵢ = nᵢ s(τᵢ) / Σⱼ nⱼ s(τⱼ): FedBuff (arXiv 2106.06639) with its weights normalised by
// their mean, so that a commit has the same size however stale its buffer is; with fresh updates of all sites FedAvg (arXiv 1602.05629).
import type { TrunkRule } from '../../contract/federation.ts';
import { clipUpdate } from './clip-update.ts';
import { type CombinedUpdate, openCombination } from './combination.ts';
import { type Contribution, distinctContributions } from './contributions.ts';
import { serverStep } from './server-optimizer.ts';
import type { Weights, WeightTensor } from './weights.ts';

/** The part of a project's trunk rule that makes a commit from its updates. */
export type CommitRule = Pick<
  TrunkRule,
  'staleness' | 'stalenessEffect' | 'combination' | 'clipNorm' | 'serverLearningRate' | 'serverOptimizer'
>;

export interface Commit {
  readonly weights: Weights;
  /** The server optimiser's state for the next commit; null when it has none. */
  readonly optimizerState: Weights | null;
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
 * Begins a commit on `base`; updates are then added one at a time. Each is clipped, then combined with the others; what the server's
 * optimiser makes of that, times η, moves the trained weights. Statistics of batch norm move by the combination itself: what sites
 * measured is averaged, never accelerated.
 * @param statistics names of the tensors that are not trained. @param optimizerState what the previous commit returned; null for the first.
 * @throws Fault 558 when an id comes twice with different numbers, 559 when one has no examples.
 */
export function openCommit(options: {
  readonly base: Weights;
  readonly contributions: readonly Contribution[];
  readonly rule: CommitRule;
  readonly statistics?: ReadonlySet<string>;
  readonly optimizerState?: Weights | null;
}): OpenCommit {
  const { base, rule, statistics = new Set<string>() } = options;
  const contributions = distinctContributions(options.contributions);
  if (contributions.size === 0) throw new RangeError('a commit needs at least one contribution');
  const missing = new Set(contributions.keys());
  const combination = openCombination(base, contributions, rule);
  return {
    missing,
    add(id, update) {
      if (!contributions.has(id)) throw new RangeError(`update ${id} is not part of this commit`);
      if (!missing.delete(id)) return;
      combination.add(id, rule.clipNorm === null ? update : clipUpdate(update, rule.clipNorm, statistics));
    },
    finish() {
      if (missing.size > 0) throw new RangeError(`${missing.size} updates of this commit are missing`);
      return commitOf({ ...options, statistics, combined: combination.combined() });
    },
  };
}

/** The commit that a combined update makes, however it was combined. */
export function commitOf(options: {
  readonly base: Weights;
  readonly combined: CombinedUpdate;
  readonly rule: Pick<CommitRule, 'serverOptimizer' | 'serverLearningRate'>;
  readonly statistics: ReadonlySet<string>;
  readonly optimizerState?: Weights | null;
}): Commit {
  const { base, combined, rule, statistics } = options;
  const trained = new Map([...combined].filter(([name]) => !statistics.has(name)));
  const { step, state } = serverStep(rule.serverOptimizer, trained, base, options.optimizerState ?? null);
  const weights = new Map<string, WeightTensor>();
  for (const [name, { shape, values }] of base) {
    const change = step.get(name) ?? combined.get(name)!;
    const rate = step.has(name) ? rule.serverLearningRate : 1;
    const next = new Float32Array(values.length);
    for (let index = 0; index < next.length; index += 1) next[index] = values[index]! + rate * change[index]!;
    weights.set(name, { shape, values: next });
  }
  return { weights, optimizerState: state };
}
