// The members of one masked buffer, as hub and sites agree on them: whoever computes with a roster gets the same numbers.
import { createHash } from 'node:crypto';
import type { TrunkRule } from '../../contract/federation.ts';
import { type Contribution, contributionShares, distinctContributions } from '../aggregation/contributions.ts';
import type { Signed, StatementOf } from '../protocol/statement.ts';

export interface RosterMember {
  /** Fingerprint. */
  readonly site: string;
  readonly offer: StatementOf<'masked-offer'>;
}

/** A buffer's name: the SHA-256 of its roster. Whoever was shown another roster is in another buffer, and their masks do not cancel. */
export function bufferOf(roster: Signed): string {
  return textHash(roster.statement);
}

/** SHA-256 of the text as UTF-8, 64 hex digits. */
export function textHash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** How much of each member's update goes into the sum, by fingerprint: what a commit of the open updates would give it. */
export function rosterShares(
  members: readonly RosterMember[],
  trunkVersion: number,
  rule: Pick<TrunkRule, 'combination' | 'staleness' | 'stalenessEffect'>,
): ReadonlyMap<string, number> {
  const contributions = members.map(({ site, offer }): Contribution => ({
    id: site,
    site,
    examples: offer.examples,
    stalenessCommits: trunkVersion - offer.baseVersion,
  }));
  return contributionShares(distinctContributions(contributions), rule);
}
