// SCAFFOLD at a site: its control variate, as the hub reads it from the last update, and the trunk's that came with a version. A site that lost
// its own begins with 0 again, and its next update replaces what the hub has of it.
import { readFileSync } from 'node:fs';
import type { Project } from '../../contract/federation.ts';
import { encodeWeights, type Weights } from '../aggregation/weights.ts';
import type { MembershipDesk } from './membership-desk.ts';
import type { AwaitedUpdate } from './membership-file.ts';

type Desk = Pick<MembershipDesk, 'state' | 'blobs'>;

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

/** Keeps it for the next training. The caller saves the state. */
export function keepVariate({ state, blobs }: Desk, variate: Weights): void {
  state.controlVariate = { projectHash: state.project!.hash, blob: blobs.put(encodeWeights(variate)) };
}

/** The hub never counted the variate of a refused update: the site goes on from the one before. The caller saves the state. */
export function takeBackVariate(
  { state }: Desk,
  { variateBefore, variateAfter }: Pick<AwaitedUpdate, 'variateBefore' | 'variateAfter'>,
): void {
  const { controlVariate } = state;
  if (controlVariate === null || variateAfter === null) return;
  if (controlVariate.blob === variateAfter) {
    state.controlVariate = variateBefore === null ? null : { ...controlVariate, blob: variateBefore };
  }
  // Should the one that was made after it be refused too, it is that of before both.
  for (const later of [...state.awaited, ...state.spool])
    if (later.variateBefore === variateAfter) later.variateBefore = variateBefore;
}
