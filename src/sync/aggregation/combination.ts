// From the updates of a commit to one: the streaming mean, or a rule that stands sites that lie.
import type { TrunkRule } from '../../contract/federation.ts';
import { openAccumulator } from './accumulator.ts';
import { type Contribution, contributionShares } from './contributions.ts';
import { coordinateMedian } from './coordinate-median.ts';
import { krumKept } from './krum.ts';
import { openSiteUpdates, type SiteUpdate } from './site-updates.ts';
import { trimmedMean } from './trimmed-mean.ts';
import type { Weights } from './weights.ts';

/** One update as doubles by tensor name. */
export type CombinedUpdate = ReadonlyMap<string, Float64Array>;

export interface OpenCombination {
  add(id: string, update: Weights): void;
  /** Whatever the order in which updates were added, the same bits. */
  combined(): CombinedUpdate;
}

/** The mean holds 8 bytes per weight however many updates are added; every other rule holds an update of each site. */
export function openCombination(
  layout: Weights,
  contributions: ReadonlyMap<string, Contribution>,
  rule: Pick<TrunkRule, 'combination' | 'staleness' | 'stalenessEffect'>,
): OpenCombination {
  const { combination } = rule;
  if (combination.kind === 'mean') {
    const shares = contributionShares(contributions, rule);
    const accumulator = openAccumulator(layout);
    return { add: (id, update) => accumulator.add(update, shares.get(id)!), combined: () => accumulator.sum() };
  }
  const sites = openSiteUpdates(layout, contributions, rule.staleness);
  return {
    add: sites.add,
    combined() {
      const updates = sites.updates();
      switch (combination.kind) {
        case 'median':
          return coordinateMedian(layout, updates);
        case 'trimmed-mean':
          return trimmedMean(layout, updates, combination.trimShare);
        case 'krum':
          return meanOf(layout, krumKept(updates, combination));
      }
    },
  };
}

function meanOf(layout: Weights, updates: readonly SiteUpdate[]): CombinedUpdate {
  const accumulator = openAccumulator(layout);
  for (const { update } of updates) accumulator.add(update, 1 / updates.length);
  return accumulator.sum();
}
