// Bytes that a member brings and has not offered yet: a number of blobs and bytes of each is kept, the oldest give way to the next. What was
// begun before this process started has no owner here, and goes with the daily sweep (blob-sweep.ts).
import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { BlobFolder } from '../protocol/blob-folder.ts';
import { wireLimits } from '../protocol/limits.ts';
import { hubFault } from './faults.ts';

/** Twice what may be on its way at once; of each the largest that the project allows. */
const blobsKept = 2 * wireLimits.transfers;

export interface UnofferedBlobs {
  /** A member is about to bring a blob. @throws Fault 546 when it would be too much although all that can go is gone. */
  begin(member: string, blob: { readonly hash: string; readonly bytes: number }, blobLimitBytes: number): Promise<void>;
  /** Its connection ended: nothing of it is on its way any more. */
  ended(member: string): void;
}

interface Begun {
  readonly bytes: number;
  /** In the connection that is open. */
  isNow: boolean;
}

export function openUnofferedBlobs(order: {
  readonly blobs: BlobFolder;
  /** Throws a stored blob away unless something needs it. */
  readonly dropBlob: (hash: string) => Promise<void>;
}): UnofferedBlobs {
  const { blobs } = order;
  const unfinished = path.join(blobs.folder, 'unfinished');
  /** By member and hash, the oldest first. */
  const begun = new Map<string, Map<string, Begun>>();

  const partsOf = (hash: string): string[] =>
    readdirSync(unfinished)
      .filter((name) => name.startsWith(hash))
      .map((name) => path.join(unfinished, name));
  const isOnItsWay = (hash: string): boolean => [...begun.values()].some((own) => own.get(hash)?.isNow === true);

  /** @returns whether nothing of it counts any more: it was offered, or it is gone. */
  const giveUp = async (hash: string): Promise<boolean> => {
    if (blobs.has(hash)) await order.dropBlob(hash);
    else if (partsOf(hash).length > 0) {
      if (isOnItsWay(hash)) return false;
      for (const part of partsOf(hash)) rmSync(part, { force: true });
    }
    return true;
  };

  return {
    async begin(member, { hash, bytes }, blobLimitBytes) {
      const own = begun.get(member) ?? new Map<string, Begun>();
      begun.set(member, own);
      own.delete(hash);
      const limit = blobsKept * blobLimitBytes;
      const kept = (): number => [...own.values()].reduce((sum, one) => sum + one.bytes, 0);
      for (const [old] of own) {
        if (own.size < blobsKept && kept() + bytes <= limit) break;
        if (await giveUp(old)) own.delete(old);
      }
      if (own.size >= blobsKept || kept() + bytes > limit) throw hubFault.tooManyUnoffered(kept() + bytes, limit);
      own.set(hash, { bytes, isNow: true });
    },
    ended(member) {
      for (const one of begun.get(member)?.values() ?? []) one.isNow = false;
    },
  };
}
