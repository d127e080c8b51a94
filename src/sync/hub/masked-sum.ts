// From the sum of masked updates to the update that a commit takes: what a commit of the open updates would have combined, to within
// the rounding of the ring.
import type { CombinedUpdate } from '../aggregation/combination.ts';
import type { Weights } from '../aggregation/weights.ts';
import { decodeRing } from '../secure-aggregation/fixed-point-ring.ts';
import type { CurrentProject } from './trunk-store.ts';
import { rosterShares, type RosterMember } from '../secure-aggregation/roster.ts';

/**
 * Sites took their shares of the whole roster; of those that dropped out nothing is in the sum, so the shares of the counted are
 * stretched to what they would be among themselves. Statistics of batch norm were put in as measured: their mean less the trunk's.
 */
export function combinedOfSum(order: {
  readonly sum: Uint32Array;
  readonly base: Weights;
  readonly statistics: ReadonlySet<string>;
  readonly members: readonly RosterMember[];
  readonly counted: ReadonlySet<string>;
  readonly trunkVersion: number;
  readonly rule: CurrentProject['project']['trunkRule'];
}): CombinedUpdate {
  const { base, members, counted, trunkVersion, rule } = order;
  const taken = rosterShares(members, trunkVersion, rule);
  const meant = rosterShares(
    members.filter(({ site }) => counted.has(site)),
    trunkVersion,
    rule,
  );
  const [[site, share]] = [...meant] as [[string, number]];
  const combined = new Map(decodeRing(order.sum, base, share / taken.get(site)!));
  const total = [...meant.values()].reduce((sum, one) => sum + one, 0);
  for (const name of order.statistics) {
    const measured = combined.get(name);
    const before = base.get(name)?.values;
    if (measured === undefined || before === undefined) continue;
    combined.set(
      name,
      measured.map((value, index) => value - total * before[index]!),
    );
  }
  return combined;
}
