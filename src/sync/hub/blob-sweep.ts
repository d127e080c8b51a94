// Bytes that nothing names: stored for an update that was never offered, or left by a hub that died between two steps.
import type { BlobFolder } from '../protocol/blob-folder.ts';
import type { TrunkStore } from './trunk-store.ts';

/** A site offers an update right after it stored the bytes; one whose line was cut comes back within this time or sends them anew. */
export const unofferedBlobMs = 24 * 60 * 60 * 1_000;
/** How often the hub looks, beside at its start. */
export const sweepEveryMs = 60 * 60 * 1_000;

/** Removes blobs that are older and that nothing needs, and unfinished ones. @returns how many. */
export async function sweepBlobs(blobs: BlobFolder, store: TrunkStore, now: number): Promise<number> {
  const before = now - unofferedBlobMs;
  let dropped = 0;
  for (const hash of blobs.storedBefore(before)) if (await store.dropBlob(hash)) dropped += 1;
  return dropped + blobs.dropUnfinishedBefore(before);
}
