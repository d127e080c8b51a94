// From the updates of a commit to one: the mean, or a rule that stands sites that lie. A block of values at a time.
import type { TrunkRule } from '../../contract/federation.ts';
import { byCoordinate } from './by-coordinate.ts';
import { contributionShares, distinctContributions, type UpdateToCombine } from './contributions.ts';
import { coordinateMedian } from './coordinate-median.ts';
import { exactSum } from './exact-sum.ts';
import { krumKept } from './krum.ts';
import { siteRows } from './site-rows.ts';
import { type Block, largestBlock } from './tensor-values.ts';
import { trimmedMean } from './trimmed-mean.ts';
import type { WeightLayout } from './weights.ts';

export interface Combination {
  /** Sites whose updates are in none of it: what Krum did not keep. */
  readonly leftOut: readonly string[];
  /** A block of the combined update, until the next is asked for; the caller's to change. */
  block(block: Block): Float64Array;
}

/**
 * Whatever the order of the updates, the same bits. Memory: the mean holds one block however many updates there are, every other rule one
 * of each site. Krum reads the updates once before it answers.
 */
export function combinationOf(
  layout: WeightLayout,
  updates: readonly UpdateToCombine[],
  rule: Pick<TrunkRule, 'combination' | 'staleness' | 'stalenessEffect'>,
): Combination {
  const { combination } = rule;
  if (combination.kind === 'mean') return meanOf(updates, rule);
  const rows = siteRows(updates, layout, rule.staleness);
  const sites = rows.sites.length;
  const chosen = (choose: (ascending: Float64Array) => number): Combination => {
    const values = new Float64Array(largestBlock(layout));
    return {
      leftOut: [],
      block(block) {
        const into = values.subarray(0, block.count);
        byCoordinate(rows.read(block), into, choose);
        return into;
      },
    };
  };
  switch (combination.kind) {
    case 'median':
      return chosen(coordinateMedian(sites));
    case 'trimmed-mean':
      return chosen(trimmedMean(sites, combination.trimShare));
    case 'krum': {
      const names = new Set(krumKept(rows, layout, combination));
      const kept = rows.of(names);
      return {
        leftOut: rows.sites.filter((site) => !names.has(site)),
        block(block) {
          const read = kept.read(block);
          const addend = exactSum.begin(block.count);
          for (const row of read) {
            addend.set(row);
            exactSum.add(1 / kept.sites.length);
          }
          return exactSum.total();
        },
      };
    }
  }
}

function meanOf(
  updates: readonly UpdateToCombine[],
  rule: Pick<TrunkRule, 'combination' | 'staleness' | 'stalenessEffect'>,
): Combination {
  const shares = contributionShares(distinctContributions(updates), rule);
  return {
    leftOut: [],
    block({ tensor, from, count }) {
      const addend = exactSum.begin(count);
      for (const { id, values } of updates) {
        values.read(tensor, from, addend);
        exactSum.add(shares.get(id)!);
      }
      return exactSum.total();
    },
  };
}
