// SCAFFOLD at a site: its control variate, as the hub reads it from the last update, and the trunk's that came with a version. A site that lost
// its own begins with 0 again, and its next update replaces what the hub has of it.
import { readFileSync } from 'node:fs';
import type { Project } from '../../contract/federation.ts';
import { encodeWeights, type Weights } from '../aggregation/weights.ts';
import type { MembershipDesk } from './membership-desk.ts';

type Desk = Pick<MembershipDesk, 'state' | 'blobs' | 'forget'>;

/** Tensor files by the names of weights; null: all 0. */
export interface GivenVariates {
  readonly site: Uint8Array | null;
  readonly trunk: Uint8Array | null;
}

/** What the training from the newest trunk is corrected by; null in a project without. */
export function givenVariates({ state, blobs }: Desk, project: Project): GivenVariates | null {
  if (!project.controlVariates) return null;
  const read = (blob: string | undefined): Uint8Array | null => {
    const file = blob === undefined ? null : blobs.file(blob);
    return file === null ? null : readFileSync(file);
  };
  const own = state.controlVariate?.projectHash === state.project?.hash ? state.controlVariate?.blob : undefined;
  return { site: read(own), trunk: read(state.trunk?.controlVariate?.blob) };
}

/** Keeps it for the next training. The caller saves the state, then calls what is returned. */
export function keepVariate({ state, blobs, forget }: Desk, variate: Weights): () => void {
  const before = state.controlVariate;
  state.controlVariate = { projectHash: state.project!.hash, blob: blobs.put(encodeWeights(variate)) };
  return () => {
    if (before !== null) forget(before.blob);
  };
}
