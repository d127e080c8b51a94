// What a commit knows of its updates before it opens them, and how much each of them counts.
import type { TrunkRule } from '../../contract/federation.ts';
import { aggregationFault } from './faults.ts';
import { stalenessWeight } from './staleness.ts';
import type { TensorValues } from './tensor-values.ts';

/** What the hub knows of a buffered update before it opens it. */
export interface Contribution {
  /** Names the update (its idempotency key): the same id counts once. */
  readonly id: string;
  /** Who made it: rules that stand liars give each site one voice, however many updates it sent. */
  readonly site: string;
  /** Training examples behind it, ≥ 1. */
  readonly examples: number;
  readonly stalenessCommits: number;
}

/** A contribution opened: what it changes, clipped and whatever else is done to it before it is combined with others. */
export interface UpdateToCombine extends Contribution {
  readonly values: TensorValues;
}

/**
 * Contributions by id, each once.
 * @throws Fault 558 when an id comes twice with different numbers, 559 when one has no examples.
 */
export function distinctContributions<Kind extends Contribution>(
  contributions: readonly Kind[],
): ReadonlyMap<string, Kind> {
  const known = new Map<string, Kind>();
  for (const contribution of contributions) {
    const { id, site, examples, stalenessCommits } = contribution;
    if (!Number.isSafeInteger(examples) || examples < 1) throw aggregationFault.noExamples(id);
    const first = known.get(id);
    if (first && (first.site !== site || first.examples !== examples || first.stalenessCommits !== stalenessCommits)) {
      throw aggregationFault.contradictory(id);
    }
    known.set(id, contribution);
  }
  return known;
}

/**
 * How much of each update goes into the mean, cᵢ being what counts of it. Effect `share`: pᵢ = cᵢ s(τᵢ) / Σⱼ cⱼ s(τⱼ), which adds up to 1.
 * Effect `step`: cᵢ s(τᵢ) / Σⱼ cⱼ, which adds up to less the staler the updates are. Neither depends on the order given.
 *
 * A mean of updates counts examples, cᵢ = nᵢ. A mean of sites counts the examples for as many commits as the update was in the making,
 * cᵢ = nᵢ max(1, τᵢ) / mᵢ with mᵢ updates of this site in the commit, so that over time each site counts by its examples and not by
 * its speed; in rounds, τ = 0 and m = 1, both are the same.
 */
export function contributionShares(
  contributions: ReadonlyMap<string, Contribution>,
  rule: Pick<TrunkRule, 'combination' | 'staleness' | 'stalenessEffect'>,
): ReadonlyMap<string, number> {
  const counted =
    rule.combination.kind === 'mean' && rule.combination.of === 'sites' ? ofSites(contributions) : examplesOf;
  const damped = (c: Contribution): number => counted(c) * stalenessWeight(rule.staleness, c.stalenessCommits);
  // Summed in order of size: the order of arrival must not show in the last bit.
  const total = Float64Array.from(contributions.values(), rule.stalenessEffect === 'share' ? damped : counted)
    .sort()
    .reduce((sum, weight) => sum + weight, 0);
  return new Map([...contributions].map(([id, contribution]) => [id, damped(contribution) / total]));
}

const examplesOf = ({ examples }: Contribution): number => examples;

function ofSites(contributions: ReadonlyMap<string, Contribution>): (contribution: Contribution) => number {
  const perSite = new Map<string, number>();
  for (const { site } of contributions.values()) perSite.set(site, (perSite.get(site) ?? 0) + 1);
  return ({ site, examples, stalenessCommits }) => (examples * Math.max(1, stalenessCommits)) / perSite.get(site)!;
}
