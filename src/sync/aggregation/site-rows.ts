// One update per site, for the rules that stand liars: a site that sends ten updates into a commit would else have ten voices,
// and those rules promise something about a number of sites. Several updates of a site are averaged first.
import type { StalenessRule } from '../../contract/federation.ts';
import type { UpdateToCombine } from './contributions.ts';
import { exactSum } from './exact-sum.ts';
import { stalenessWeight } from './staleness.ts';
import { type Block, largestBlock } from './tensor-values.ts';
import type { WeightLayout } from './weights.ts';

/** The updates of some sites, a block at a time. */
export interface SiteRows {
  /** In order of their names. */
  readonly sites: readonly string[];
  /** The values of each site, in the sites' order; good until the next block is read. */
  read(block: Block): readonly Float32Array[];
  /** Of these sites only. */
  of(sites: ReadonlySet<string>): SiteRows;
}

/** Each update is damped by its staleness weight before anything else. Memory: a block of each site. */
export function siteRows(
  updates: readonly UpdateToCombine[],
  layout: WeightLayout,
  staleness: StalenessRule,
): SiteRows {
  const bySite = Map.groupBy(updates, ({ site }) => site);
  const sites = [...bySite.keys()].toSorted((one, other) => (one < other ? -1 : 1));
  const rows = sites.map((site) => {
    const parts = bySite.get(site)!.map(({ values, stalenessCommits }) => ({
      values,
      weight: stalenessWeight(staleness, stalenessCommits) / bySite.get(site)!.length,
    }));
    const row = new Float32Array(largestBlock(layout));
    return ({ tensor, from, count }: Block): Float32Array => {
      const into = row.subarray(0, count);
      if (parts.length === 1 && parts[0]!.weight === 1) {
        parts[0]!.values.read(tensor, from, into);
        return into;
      }
      const addend = exactSum.begin(count);
      for (const { values, weight } of parts) {
        values.read(tensor, from, addend);
        exactSum.add(weight);
      }
      into.set(exactSum.total());
      return into;
    };
  });
  return {
    sites,
    read: (block) => rows.map((row) => row(block)),
    of: (wanted) =>
      siteRows(
        updates.filter(({ site }) => wanted.has(site)),
        layout,
        staleness,
      ),
  };
}
