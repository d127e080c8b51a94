// Who a site's peers are: the members that take part in the project, this site not among them. Models go to them and come from them.
import type { MembershipState } from './membership-file.ts';

type Known = Pick<MembershipState, 'memberFingerprints' | 'bystanders'>;

/** @param self this site's own fingerprint. */
export function peersOf(state: Known, self: string): string[] {
  return state.memberFingerprints.filter((member) => isPeer(state, self, member));
}

/** @param self this site's own fingerprint. */
export function isPeer({ memberFingerprints, bystanders }: Known, self: string, member: string): boolean {
  return member !== self && memberFingerprints.includes(member) && !bystanders.includes(member);
}
