// What a project's codec lost of a site's updates (their residual): added to the next one, so that it arrives later and not never.
import { readFileSync } from 'node:fs';
import { applyUpdate, updateOf } from '../aggregation/update.ts';
import { decodeWeights, encodeWeights, type Weights } from '../aggregation/weights.ts';
import type { MembershipDesk } from './membership-desk.ts';
import type { AwaitedUpdate } from './membership-file.ts';

type Desk = Pick<MembershipDesk, 'state' | 'blobs'>;

/** The change with what the codec lost of the updates before it, of this project. */
export function withResidual({ state, blobs }: Desk, projectHash: string, change: Weights): Weights {
  const residual = state.residual?.projectHash === projectHash ? read(blobs, state.residual.blob) : null;
  // Without it an update is merely as good as a first one.
  return residual === null ? change : applyUpdate(change, residual);
}

/** Keeps what is lost now for the next update. The caller saves the state. */
export function keepResidual({ state, blobs }: Desk, projectHash: string, lost: Weights): void {
  state.residual = { projectHash, blob: blobs.put(encodeWeights(lost)) };
}

/**
 * A refused update brought nothing: what it carried of the updates before it is owed again, and what was lost of it is owed no more. The
 * caller saves the state.
 */
export function takeBackResidual(
  { state, blobs }: Desk,
  { residualBefore, residualAfter }: Pick<AwaitedUpdate, 'residualBefore' | 'residualAfter'>,
): void {
  const { residual } = state;
  if (residual === null || residualAfter === null) return;
  if (residual.blob === residualAfter) {
    state.residual = residualBefore === null ? null : { ...residual, blob: residualBefore };
    return;
  }
  // Updates that were made after it wait still: theirs stays.
  const [now, before, after] = [residual.blob, residualBefore, residualAfter].map((blob) => read(blobs, blob));
  if (now == null || after == null) return;
  const without = updateOf(after, now);
  state.residual = {
    ...residual,
    blob: blobs.put(encodeWeights(before == null ? without : applyUpdate(without, before))),
  };
}

function read(blobs: Desk['blobs'], blob: string | null): Weights | null {
  const file = blob === null ? null : blobs.file(blob);
  return file === null ? null : decodeWeights(readFileSync(file));
}
