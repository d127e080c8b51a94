// One update per site, for the rules that stand liars: a site that sends ten updates into a commit would else have ten voices,
// and those rules promise something about a number of sites. Several updates of a site are averaged first.
import type { StalenessRule } from '../../contract/federation.ts';
import { type Accumulator, openAccumulator } from './accumulator.ts';
import type { Contribution } from './contributions.ts';
import { stalenessWeight } from './staleness.ts';
import type { Weights } from './weights.ts';

export interface SiteUpdate {
  readonly site: string;
  readonly update: Weights;
}

export interface SiteUpdates {
  add(id: string, update: Weights): void;
  /** In order of the sites' names. */
  updates(): readonly SiteUpdate[];
}

/** Each update is damped by its staleness weight before anything else. Memory: up to 8 bytes per weight and site. */
export function openSiteUpdates(
  layout: Weights,
  contributions: ReadonlyMap<string, Contribution>,
  staleness: StalenessRule,
): SiteUpdates {
  const counts = new Map<string, number>();
  for (const { site } of contributions.values()) counts.set(site, (counts.get(site) ?? 0) + 1);
  const held = new Map<string, Weights | Accumulator>();
  return {
    add(id, update) {
      const { site, stalenessCommits } = contributions.get(id)!;
      const weight = stalenessWeight(staleness, stalenessCommits) / counts.get(site)!;
      if (weight === 1) {
        held.set(site, update);
        return;
      }
      const earlier = held.get(site);
      const accumulator = earlier !== undefined && 'add' in earlier ? earlier : openAccumulator(layout);
      accumulator.add(update, weight);
      held.set(site, accumulator);
    },
    updates: () =>
      [...held]
        .toSorted(([one], [other]) => (one < other ? -1 : 1))
        .map(([site, sum]) => ({ site, update: 'add' in sum ? rounded(layout, sum) : sum })),
  };
}

function rounded(layout: Weights, accumulator: Accumulator): Weights {
  const sums = accumulator.sum();
  return new Map([...layout].map(([name, { shape }]) => [name, { shape, values: Float32Array.from(sums.get(name)!) }]));
}
