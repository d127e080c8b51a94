// How a model stands on the bench, and the two that have names of their own.
import type { BenchCandidate } from './membership-file.ts';

/** The name under which the trunk stands on the bench. */
export const trunkOnBench = 'trunk';
/** The branch of the model that a site trained alone. */
export const localOnlyBranch = 'local-only';

/** Branches of the modes without a trunk. Models on them move the shared model on; the bench does not judge them one by one. */
export const gossipBranch = 'gossip';
export const chainBranch = 'chain';
export const contributionBranch = 'contribution';

export function isOnBench({ branch }: Pick<BenchCandidate, 'branch'>): boolean {
  return ![gossipBranch, chainBranch, contributionBranch].includes(branch);
}

export type NewCandidate = Pick<BenchCandidate, 'model' | 'site' | 'network' | 'trunkVersion'> &
  Partial<
    Pick<BenchCandidate, 'author' | 'branch' | 'sequence' | 'definition' | 'normalisation' | 'turn' | 'examples'>
  >;
