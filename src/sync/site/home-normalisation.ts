// FedBN: a site's own normalisation, which never leaves it and which no trunk overwrites. Each trunk is trained, judged and used with it.
// A site that lost it begins with the trunk's first one again.
import { readFileSync } from 'node:fs';
import type { Project } from '../../contract/federation.ts';
import { homeWeights } from '../aggregation/update-layout.ts';
import { decodeWeights, encodeWeights } from '../aggregation/weights.ts';
import type { MembershipDesk } from './membership-desk.ts';

type Desk = Pick<MembershipDesk, 'state' | 'blobs' | 'forget'>;

/** The trunk with this site's normalisation in the place of its own; as it came where the project has none or nothing was trained yet. */
export function atHome({ state, blobs }: Desk, project: Project, trunk: Uint8Array): Uint8Array {
  const { normalisation } = state;
  if (!project.siteNormalisation || normalisation === null || normalisation.projectHash !== state.project?.hash)
    return trunk;
  const file = blobs.file(normalisation.blob);
  if (file === null) return trunk;
  const own = decodeWeights(readFileSync(file));
  return encodeWeights(new Map([...decodeWeights(trunk)].map(([name, tensor]) => [name, own.get(name) ?? tensor])));
}

/** Keeps the normalisation of weights that were trained here, for the next training. The caller saves the state, then calls what is returned. */
export function keepNormalisation({ state, blobs, forget }: Desk, trained: Uint8Array): () => void {
  const { project, normalisation: before } = state;
  if (project === null || !project.project.siteNormalisation) return () => {};
  const blob = blobs.put(encodeWeights(homeWeights(decodeWeights(trained), project.project)));
  state.normalisation = { projectHash: project.hash, blob };
  return () => {
    if (before !== null) forget(before.blob);
  };
}

/**
 * The trunk as this site uses it, kept beside the trunk while that is the newest: what is measured here and given out as a file. The caller
 * saves the state, then calls what is returned.
 */
export function keepHomeTrunk(
  desk: Desk,
  project: Project,
  trunk: { readonly blob: string; readonly weights: Uint8Array },
): () => void {
  const { state, blobs } = desk;
  const before = state.homeTrunk;
  const weights = atHome(desk, project, trunk.weights);
  state.homeTrunk = weights === trunk.weights ? null : { of: trunk.blob, blob: blobs.put(weights) };
  return () => {
    if (before !== null) desk.forget(before.blob);
  };
}

/** The blob to measure and to give out in the place of a trunk's. */
export function homeTrunkOf({ state }: Pick<MembershipDesk, 'state'>, trunkBlob: string): string {
  return state.homeTrunk?.of === trunkBlob ? state.homeTrunk.blob : trunkBlob;
}
