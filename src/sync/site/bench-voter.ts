// A model of the bench as this site asks it: the trunk with the normalisation that stays at home, others as their authors sent them.
import { trunkOnBench } from './bench-candidate.ts';
import { homeTrunkOf } from './home-normalisation.ts';
import type { MembershipDesk } from './membership-desk.ts';
import type { BenchCandidate } from './membership-file.ts';
import type { Voter } from './site-work.ts';

export async function voterOf(
  { model, site, definition, normalisation }: BenchCandidate,
  desk: MembershipDesk,
): Promise<Voter> {
  return {
    weights: await desk.blobs.read(site === trunkOnBench ? homeTrunkOf(desk, model) : model),
    ...(definition === null ? {} : { definition }),
    ...(normalisation === null ? {} : { normalisation }),
  };
}
