// From a buffer of updates to the next trunk version: w ← w + η · optimiser(combination of the updates).
// With the default rule that is w ← w + η Σ pᵢ Δᵢ, pᵢ = nᵢ s(τᵢ) / Σⱼ nⱼ s(τⱼ): FedBuff (arXiv 2106.06639) with its weights normalised by
// their mean, so that a commit has the same size however stale its buffer is; with fresh updates of all sites FedAvg (arXiv 1602.05629).
import type { TrunkRule } from '../../contract/federation.ts';
import { clippedValues } from './clip-update.ts';
import { type Combination, combinationOf } from './combination.ts';
import { type Contribution, distinctContributions, type UpdateToCombine } from './contributions.ts';
import { openServerStep } from './server-optimizer.ts';
import { blocksOf, heldValues, largestBlock, type TensorValues } from './tensor-values.ts';
import { type WeightLayout, type Weights, weightsInFile } from './weights.ts';

/** The part of a project's trunk rule that makes a commit from its updates. */
export type CommitRule = Pick<
  TrunkRule,
  'staleness' | 'stalenessEffect' | 'combination' | 'clipNorm' | 'serverLearningRate' | 'serverOptimizer'
>;

export interface Commit {
  readonly weights: Weights;
  /** The weights' tensor file, in which they lie. */
  readonly bytes: Uint8Array;
  /** The server optimiser's state for the next commit; null when it has none. */
  readonly optimizerState: Weights | null;
  /** Sites whose updates its rule did not keep. */
  readonly leftOut: readonly string[];
}

/** The trunk that a commit moves, and what moves it. */
interface CommitOrder {
  readonly base: { readonly layout: WeightLayout; readonly values: TensorValues };
  /** The tensors that the updates have; those of the base that are not among them stay as they are. */
  readonly layout: WeightLayout;
  /** Names of the tensors that are not trained. */
  readonly statistics: ReadonlySet<string>;
  /** What the previous commit returned; null for the first. */
  readonly optimizerState: TensorValues | null;
}

/**
 * The commit of these updates, which were checked against the layout. Each is clipped, then combined with the others; what the server's
 * optimiser makes of that, times η, moves the trained weights. Statistics of batch norm move by the combination itself: what sites
 * measured is averaged, never accelerated. Memory: the result, and a block (combination.ts) of what it is made from.
 * @throws Fault 558 when an id comes twice with different numbers, 559 when one has no examples.
 */
export function commitOfUpdates(
  order: CommitOrder & { readonly updates: readonly UpdateToCombine[]; readonly rule: CommitRule },
): Commit {
  const { layout, rule, statistics } = order;
  const { clipNorm } = rule;
  const distinct = [...distinctContributions(order.updates).values()];
  if (distinct.length === 0) throw new RangeError('a commit needs at least one contribution');
  const updates =
    clipNorm === null
      ? distinct
      : distinct.map((one) => ({ ...one, values: clippedValues(one.values, layout, { clipNorm, statistics }) }));
  return commitOf({ ...order, combination: combinationOf(layout, updates, rule) });
}

/** The commit that a combined update makes, however it was combined. */
export function commitOf(
  order: CommitOrder & {
    readonly combination: Combination;
    readonly rule: Pick<CommitRule, 'serverOptimizer' | 'serverLearningRate'>;
  },
): Commit {
  const { layout, base, combination, rule, statistics } = order;
  const trained = new Map([...layout].filter(([name]) => !statistics.has(name)));
  const step = openServerStep(rule.serverOptimizer, trained, order.optimizerState);
  const { weights, bytes } = weightsInFile(base.layout);
  const before = new Float32Array(largestBlock(layout));
  for (const block of blocksOf(base.layout)) {
    const { tensor, from, count } = block;
    const next = weights.get(tensor)!.values.subarray(from, from + count);
    if (!layout.has(tensor)) {
      base.values.read(tensor, from, next);
      continue;
    }
    const change = combination.block(block);
    if (trained.has(tensor)) step.take(block, change);
    const rate = trained.has(tensor) ? rule.serverLearningRate : 1;
    base.values.read(tensor, from, before.subarray(0, count));
    advance(next, before, change, rate);
  }
  return { weights, bytes, optimizerState: step.state, leftOut: combination.leftOut };
}

/** By itself, so that the runtime compiles it for what it is. */
function advance(next: Float32Array, before: Float32Array, change: Float64Array, rate: number): void {
  for (let index = 0; index < next.length; index += 1) next[index] = before[index]! + rate * change[index]!;
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
 * A commit of updates that lie in memory, added one at a time.
 * @throws Fault 558 when an id comes twice with different numbers, 559 when one has no examples.
 */
export function openCommit(options: {
  readonly base: Weights;
  readonly contributions: readonly Contribution[];
  readonly rule: CommitRule;
  readonly statistics?: ReadonlySet<string>;
  readonly optimizerState?: Weights | null;
}): OpenCommit {
  const { base, rule, statistics = new Set<string>(), optimizerState = null } = options;
  const contributions = distinctContributions(options.contributions);
  if (contributions.size === 0) throw new RangeError('a commit needs at least one contribution');
  const missing = new Set(contributions.keys());
  const updates: UpdateToCombine[] = [];
  return {
    missing,
    add(id, update) {
      const contribution = contributions.get(id);
      if (contribution === undefined) throw new RangeError(`update ${id} is not part of this commit`);
      if (missing.delete(id)) updates.push({ ...contribution, values: heldValues(update) });
    },
    finish() {
      if (missing.size > 0) throw new RangeError(`${missing.size} updates of this commit are missing`);
      return commitOfUpdates({
        base: { layout: base, values: heldValues(base) },
        layout: base,
        statistics,
        optimizerState: optimizerState === null ? null : heldValues(optimizerState),
        rule,
        updates,
      });
    },
  };
}
