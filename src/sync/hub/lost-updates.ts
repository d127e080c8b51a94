// Accepted updates that cannot be counted any more: their bytes are gone, or are not what the site signed, or hold what nothing can be
// added up from. Looked for when a commit failed, so that one such update does not stop the others.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { Fault } from '../../contract/fault.ts';
import type { BlobFolder } from '../protocol/blob-folder.ts';
import type { DueCommit } from './trunk-commits.ts';
import type { BufferedUpdate } from './current-project.ts';
import type { UpdateAcceptance } from './update-acceptance.ts';

/** One that is lost, and why. */
export interface LostUpdate {
  readonly update: BufferedUpdate;
  readonly because: string;
}

/** @throws an error of the disk that says nothing of one update: then none counts as lost. */
export async function lostUpdates(
  { current, updates }: DueCommit,
  by: { readonly blobs: BlobFolder; readonly checkFile: UpdateAcceptance['checkFile'] },
): Promise<readonly LostUpdate[]> {
  const lost: LostUpdate[] = [];
  for (const update of updates) {
    const file = by.blobs.file(update.blob);
    if (file === null) lost.push({ update, because: 'Its bytes are gone from the hub’s disk.' });
    else if ((await hashOf(file)) !== update.blob) {
      lost.push({ update, because: 'Its bytes changed on the hub’s disk, or cannot be read.' });
    } else {
      try {
        await by.checkFile(current, update);
      } catch (thrown) {
        if (!(thrown instanceof Fault)) throw thrown;
        lost.push({ update, because: thrown.message });
      }
    }
  }
  return lost;
}

/** Null where the disk gives the bytes no more. */
async function hashOf(file: string): Promise<string | null> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(file), hash);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EIO') return null;
    throw thrown;
  }
  return hash.digest('hex');
}
