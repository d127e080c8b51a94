// From the sum of masked updates to the update that a commit takes: what a commit of the open updates would have combined, to within
// the rounding of the ring.
import type { TrunkRule } from '../../contract/federation.ts';
import type { Combination } from '../aggregation/combination.ts';
import { largestBlock, type TensorValues } from '../aggregation/tensor-values.ts';
import { parameterCount, valueCount, type WeightLayout } from '../aggregation/weights.ts';
import { decodeRing } from '../secure-aggregation/fixed-point-ring.ts';
import { rosterShares, type RosterMember } from '../secure-aggregation/roster.ts';

/** The sum of a masked buffer, with the masks off, and whose updates are in it. */
export interface SumToCombine {
  readonly sum: Uint32Array;
  readonly members: readonly RosterMember[];
  readonly counted: ReadonlySet<string>;
  /** The version that staleness was counted from. */
  readonly trunkVersion: number;
}

/**
 * Sites took their shares of the whole roster; of those that dropped out nothing is in the sum, so the shares of the counted are
 * stretched to what they would be among themselves. Statistics of batch norm were put in as measured: their mean less the trunk's.
 */
export function combinationOfSum(
  order: SumToCombine & {
    readonly layout: WeightLayout;
    readonly base: TensorValues;
    readonly statistics: ReadonlySet<string>;
    readonly rule: TrunkRule;
  },
): Combination {
  const { sum, layout, base, members, counted, trunkVersion, rule } = order;
  if (sum.length !== parameterCount(layout)) throw new RangeError(`a sum of ${sum.length} numbers is of other weights`);
  const taken = rosterShares(members, trunkVersion, rule);
  const meant = rosterShares(
    members.filter(({ site }) => counted.has(site)),
    trunkVersion,
    rule,
  );
  const [[site, share]] = [...meant] as [[string, number]];
  const stretch = share / taken.get(site)!;
  const total = [...meant.values()].reduce((all, one) => all + one, 0);
  const startOf = new Map<string, number>();
  let start = 0;
  for (const [name, { shape }] of layout) {
    startOf.set(name, start);
    start += valueCount(shape);
  }
  const numbers = new Float64Array(largestBlock(layout));
  const before = new Float32Array(largestBlock(layout));
  return {
    leftOut: [],
    block({ tensor, from, count }) {
      const into = numbers.subarray(0, count);
      const at = startOf.get(tensor)! + from;
      decodeRing(sum.subarray(at, at + count), into, stretch);
      if (order.statistics.has(tensor)) {
        base.read(tensor, from, before.subarray(0, count));
        for (let index = 0; index < count; index += 1) into[index]! -= total * before[index]!;
      }
      return into;
    },
  };
}
