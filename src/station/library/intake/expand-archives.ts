// Archives that an import came upon: their members become candidates, after the files that lie open.
import { rmSync } from 'node:fs';
import path from 'node:path';
import type { ImportTally } from '../import-tally.ts';
import type { Candidate } from './candidate.ts';
import type { CandidateBatches } from './candidate-batches.ts';
import { plainName } from './dicomdir.ts';
import { isMaskPlace, isPairPart, type MaskOf, packedMaskPairs } from './mask-pairs.ts';
import { type ZipMember, zipMembers } from './zip-members.ts';

export interface PendingArchive {
  /** Where it lies now. */
  readonly file: string;
  /** It was unpacked from another archive and is removed in the end. */
  readonly isOurs: boolean;
  /** As what it was found. */
  readonly candidate: Candidate;
}

/** A DICOMDIR that was found in an archive. */
export interface PackedDirectory {
  readonly candidate: Candidate;
  readonly listed: readonly string[];
}

export interface Expanding {
  /** Emptied; reading members may add to it: an archive inside another. */
  readonly archives: PendingArchive[];
  /** Filled where members are taken, emptied here. */
  readonly directories: PackedDirectory[];
  readonly batches: CandidateBatches;
  readonly tally: ImportTally;
  readonly patientOf: (source: string) => string | null;
}

export async function expandArchives(expanding: Expanding): Promise<void> {
  const { archives, directories, batches, tally } = expanding;
  for (let archive = archives.shift(); archive !== undefined; archive = archives.shift()) {
    try {
      const names = batches.isOver ? new Set<string>() : await expand(archive, expanding);
      await batches.drain();
      for (const { candidate, listed } of batches.isOver ? [] : directories.splice(0)) {
        const folder = path.posix.dirname(candidate.member?.name ?? '');
        const missing = listed.filter((file) => !names.has(plainPath(path.posix.join(folder, file))));
        tellMissing(tally, candidate.source, { listed, missing });
      }
    } finally {
      if (archive.isOurs) rmSync(archive.file, { force: true });
    }
  }
}

/** Offers all members; the result is their names as they compare. */
async function expand(
  { file, candidate }: PendingArchive,
  { batches, tally, patientOf }: Expanding,
): Promise<Set<string>> {
  const names = new Set<string>();
  const folder = path.posix.dirname(candidate.within);
  const depth = candidate.depth === 0 ? 1 : 2;
  const offer = (member: ZipMember, maskOf: MaskOf | null): Promise<void> => {
    const source = `${candidate.source}/${member.name}`;
    const within = path.posix.join(folder, member.name);
    const patient = patientOf(maskOf?.imageSource ?? source);
    return batches.offer({ source, file, member, depth, within, patient, ...(maskOf === null ? {} : { maskOf }) });
  };
  /** Offered last: their images may stand behind them. */
  const masks: ZipMember[] = [];
  const parts = new Map<string, ZipMember>();
  for await (const found of zipMembers(file)) {
    if (batches.isOver) break;
    const source = found.name === '' ? candidate.source : `${candidate.source}/${found.name}`;
    names.add(plainPath(found.name));
    tally.found += 1;
    if ('reason' in found) tally.refuse(source, found.reason);
    else {
      if (isPairPart(found.name)) parts.set(found.name, found);
      if (isMaskPlace(found.name)) masks.push(found);
      else await offer(found, null);
    }
    tally.tell();
  }
  const maskOf = masks.length === 0 ? null : packedMaskPairs({ file, source: candidate.source }, parts);
  for (const mask of masks) {
    if (batches.isOver) break;
    await offer(mask, maskOf?.(mask.name) ?? null);
  }
  return names;
}

/** Refuses what a DICOMDIR lists and its disc does not have; of a disc without any file the DICOMDIR itself. */
export function tellMissing(
  tally: ImportTally,
  directory: string,
  { listed, missing }: { readonly listed: readonly string[]; readonly missing: readonly string[] },
): void {
  if (listed.length > 0 && missing.length === listed.length) {
    tally.found += 1;
    const files = listed.length === 1 ? '1 file' : `${listed.length.toLocaleString('en')} files`;
    return tally.refuse(
      directory,
      `A DICOMDIR alone: it only lists ${files}, of which none is beside it. Copy the whole disc, folders and all, and import that.`,
      'missing-files',
    );
  }
  for (const file of missing) {
    tally.found += 1;
    tally.refuse(path.join(path.dirname(directory), file), 'Listed in the DICOMDIR, but not there.', 'missing-files');
  }
}

const plainPath = (file: string): string => file.split('/').map(plainName).join('/');
