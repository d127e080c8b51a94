// Archives that an import came upon: their members become candidates, after the files that lie open.
import { rmSync } from 'node:fs';
import path from 'node:path';
import type { ImportTally } from '../import-tally.ts';
import type { Candidate } from './candidate.ts';
import type { CandidateBatches } from './candidate-batches.ts';
import { zipMembers } from './zip-members.ts';

export interface PendingArchive {
  /** Where it lies now. */
  readonly file: string;
  /** It was unpacked from another archive and is removed in the end. */
  readonly isOurs: boolean;
  /** As what it was found. */
  readonly candidate: Candidate;
}

/** Empties `archives`, to which reading members may add: an archive inside another. */
export async function expandArchives(
  archives: PendingArchive[],
  batches: CandidateBatches,
  tally: ImportTally,
  patientOf: (source: string) => string | null,
): Promise<void> {
  for (let archive = archives.shift(); archive !== undefined; archive = archives.shift()) {
    try {
      if (!batches.isOver) await expand(archive, batches, tally, patientOf);
      await batches.drain();
    } finally {
      if (archive.isOurs) rmSync(archive.file, { force: true });
    }
  }
}

async function expand(
  { file, candidate }: PendingArchive,
  batches: CandidateBatches,
  tally: ImportTally,
  patientOf: (source: string) => string | null,
): Promise<void> {
  const folder = path.posix.dirname(candidate.within);
  const depth = candidate.depth === 0 ? 1 : 2;
  for await (const found of zipMembers(file)) {
    if (batches.isOver) return;
    const source = found.name === '' ? candidate.source : `${candidate.source}/${found.name}`;
    tally.found += 1;
    if ('reason' in found) tally.refuse(source, found.reason);
    else {
      const within = path.posix.join(folder, found.name);
      await batches.offer({ source, file, member: found, depth, within, patient: patientOf(source) });
    }
    tally.tell();
  }
}
