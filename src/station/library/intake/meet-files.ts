// Tells the names of all files below the paths of an import before any is read, for patients out of a labels file.
import { setImmediate } from 'node:timers/promises';
import { walkFiles } from '../file-walk.ts';
import { isMaskPlace, isPairPart, openMaskPairs, packedMaskPairs } from './mask-pairs.ts';
import { type ZipMember, zipMembers } from './zip-members.ts';

/** Between these many files other work of the station gets its turn. */
const filesAtOnce = 500;
const zipEnding = /\.zip$/i;

/** Masks are left out: they are of their image's patient. So are archives inside archives, which would have to be unpacked. */
export async function meetFiles(
  roots: readonly string[],
  meet: (source: string) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const maskOfFile = openMaskPairs();
  let met = 0;
  async function meetOne(source: string): Promise<void> {
    await meet(source);
    met += 1;
    if (met % filesAtOnce === 0) await setImmediate();
  }

  async function meetMembers(archive: string): Promise<void> {
    const masks: string[] = [];
    const parts = new Map<string, ZipMember>();
    for await (const found of zipMembers(archive)) {
      if (signal.aborted) return;
      if ('reason' in found) continue;
      if (isPairPart(found.name)) parts.set(found.name, found);
      if (isMaskPlace(found.name)) masks.push(found.name);
      else await meetOne(`${archive}/${found.name}`);
    }
    const maskOf = packedMaskPairs({ file: archive, source: archive }, parts);
    for (const mask of masks) if (maskOf(mask) === null) await meetOne(`${archive}/${mask}`);
  }

  for await (const found of walkFiles(roots, signal)) {
    if (signal.aborted) return;
    if ('reason' in found || maskOfFile(found.path) !== null) continue;
    if (zipEnding.test(found.path)) await meetMembers(found.path);
    else await meetOne(found.path);
  }
}
