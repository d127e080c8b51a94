// Bytes that a member brings and has not offered yet: a number of blobs and bytes of each is kept, the oldest give way to the next. What nobody
// knows to be begun any more goes with the daily sweep (blob-sweep.ts).
import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { BlobFolder } from '../protocol/blob-folder.ts';
import { wireLimits } from '../protocol/limits.ts';
import type { BegunBlobs } from './begun-blobs.ts';
import { hubFault } from './faults.ts';

/** Twice what may be on its way at once; of each the largest that the project allows. */
const blobsKept = 2 * wireLimits.transfers;

export interface UnofferedBlobs {
  /** A member is about to bring a blob. @throws Fault 546 when it would be too much although all that can go is gone. */
  begin(member: string, blob: { readonly hash: string; readonly bytes: number }, blobLimitBytes: number): Promise<void>;
  /** Its connection ended: nothing of it is on its way any more. */
  ended(member: string): Promise<void>;
}

export function openUnofferedBlobs(order: {
  readonly blobs: BlobFolder;
  readonly begun: BegunBlobs;
  /** Throws a stored blob away unless something needs it. */
  readonly dropBlob: (hash: string) => Promise<void>;
}): UnofferedBlobs {
  const { blobs, begun } = order;
  const unfinished = path.join(blobs.folder, 'unfinished');
  /** Of each member one thing after the other: a new connection begins when what the one before it had is ended. */
  const lines = new Map<string, Promise<unknown>>();
  const inTurn = <T>(member: string, work: () => Promise<T>): Promise<T> => {
    const done = (lines.get(member) ?? Promise.resolve()).then(work);
    const rest = done.catch(() => {}).then(() => void (lines.get(member) === rest && lines.delete(member)));
    lines.set(member, rest);
    return done;
  };

  const partsOf = (hash: string): string[] =>
    readdirSync(unfinished)
      .filter((name) => name.startsWith(hash))
      .map((name) => path.join(unfinished, name));

  /** @returns whether nothing of it counts any more: it was offered, or it is gone. */
  const giveUp = async (hash: string): Promise<boolean> => {
    if (blobs.has(hash)) await order.dropBlob(hash);
    else if (partsOf(hash).length > 0) {
      if (await begun.isOnItsWay(hash)) return false;
      for (const part of partsOf(hash)) rmSync(part, { force: true });
    }
    return true;
  };

  return {
    begin: (member, { hash, bytes }, blobLimitBytes) =>
      inTurn(member, async () => {
        const limit = blobsKept * blobLimitBytes;
        await begun.remove(member, hash);
        let others = await begun.of(member);
        const total = (): number => others.reduce((sum, one) => sum + one.bytes, bytes);
        const isTooMuch = (): boolean => others.length >= blobsKept || total() > limit;
        for (const old of others) {
          if (!isTooMuch()) break;
          if (!(await giveUp(old.hash))) continue;
          await begun.remove(member, old.hash);
          others = others.filter((one) => one !== old);
        }
        if (isTooMuch()) throw hubFault.tooManyUnoffered(total(), limit);
        await begun.add(member, { hash, bytes });
        // Another hub may have let the same member begin meanwhile: both look, once both are counted.
        others = (await begun.of(member)).filter((one) => one.hash !== hash);
        if (!isTooMuch()) return;
        await begun.remove(member, hash);
        throw hubFault.tooManyUnoffered(total(), limit);
      }),
    ended: (member) => inTurn(member, () => begun.ended(member)),
  };
}
