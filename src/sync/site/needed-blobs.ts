// Which blobs of a membership's folder its state still names.
import { blobsOfAwaited, blobsOfSpooled, type MembershipState } from './membership-file.ts';

/** What is kept however old it is; every place of the state that names a blob stands here, or its blob is swept after a day. */
export function isBlobNeeded(state: MembershipState, hash: string): boolean {
  const { own, trunk, candidates, published, spool, masking, residual, normalisation, homeTrunk, controlVariate } =
    state;
  return (
    own?.model === hash ||
    trunk?.blob === hash ||
    residual?.blob === hash ||
    normalisation?.blob === hash ||
    homeTrunk?.blob === hash ||
    controlVariate?.blob === hash ||
    trunk?.controlVariate?.blob === hash ||
    masking?.buffer?.masked?.blob === hash ||
    candidates.some(({ model }) => model === hash) ||
    published.some(({ sealedBlob }) => sealedBlob === hash) ||
    spool.some((spooled) => blobsOfSpooled(spooled).includes(hash)) ||
    state.awaited.some((update) => blobsOfAwaited(update).includes(hash))
  );
}
