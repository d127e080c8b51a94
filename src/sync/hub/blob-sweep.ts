// Bytes that nothing names: stored for an update that was never offered, or left by a hub that died between two steps.
import type { BlobFolder } from '../protocol/blob-folder.ts';
import type { TrunkStore } from './trunk-store.ts';

/** A site offers an update right after it stored the bytes; one whose line was cut comes back within this time or sends them anew. */
const unofferedBlobMs = 24 * 60 * 60 * 1_000;
/** How often the hub looks, beside at its start. */
export const sweepEveryMs = 60 * 60 * 1_000;

/** Removes blobs that are older and that nothing needs, and unfinished ones. @returns how many. */
export function sweepBlobs(blobs: BlobFolder, store: TrunkStore, now: number): number {
  const before = now - unofferedBlobMs;
  const unneeded = blobs.storedBefore(before).filter((hash) => !store.isBlobNeeded(hash));
  for (const hash of unneeded) blobs.remove(hash);
  return unneeded.length + blobs.dropUnfinishedBefore(before);
}
