// The history of the bench, as in git: every model names the ones that it was made from, and a name in it is a hash of weights.
import type { Ancestor } from '../../contract/peers.ts';
import { benchLimits } from './bench-limits.ts';
import type { MembershipState } from './membership-file.ts';

/** Notes a model; one of the same author and branch with the same weights is noted once. The oldest go beyond the limit. */
export function recordAncestor(state: MembershipState, ancestor: Ancestor): void {
  const isKnown = state.lineage.some(
    ({ model, author, branch }) => model === ancestor.model && author === ancestor.author && branch === ancestor.branch,
  );
  if (!isKnown) state.lineage = [...state.lineage, ancestor].slice(-benchLimits.ancestors);
}
