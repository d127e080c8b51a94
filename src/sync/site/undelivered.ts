// For whom this site must stay reachable: peers that neither have what it shows nor will get it from the hub, and have a use for it.
import { gossipBranch } from './bench-candidate.ts';
import type { MembershipState } from './membership-file.ts';

type Known = Pick<MembershipState, 'lineage'> & {
  readonly project: {
    readonly project: Pick<NonNullable<MembershipState['project']>['project'], 'mode' | 'commits'>;
  } | null;
};

/** @param awaiting fingerprints of those who have not got everything. */
export function undelivered(state: Known, awaiting: readonly string[]): string[] {
  return awaiting.filter((peer) => !isThrough(state, peer));
}

/** In gossip a peer that has made its last turn mixes nothing more into it. Elsewhere the last turn is everybody's. */
function isThrough({ project, lineage }: Known, peer: string): boolean {
  if (project?.project.mode.kind !== 'gossip') return false;
  const { commits } = project.project;
  return lineage.some(
    ({ author, branch, turn }) => author === peer && branch === gossipBranch && turn !== null && turn >= commits,
  );
}
