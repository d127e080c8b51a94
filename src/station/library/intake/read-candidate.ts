// A worker thread's answer to one candidate of an import, whatever kind of file it is.
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import type { ReadOutcome } from '../read-instance.ts';
import { failure, readInstance, readInstanceBytes } from '../read-instance.ts';
import type { Candidate } from './candidate.ts';
import { fileKind, fileKindBytes, notImportable } from './file-kind.ts';
import { writeUnfinished } from './store-bytes.ts';
import { zipMemberBytes } from './zip-member-bytes.ts';

export type CandidateOutcome =
  | ReadOutcome
  /** An archive: its members are candidates of their own. `isOurs`: it was unpacked from another one and is to be removed. */
  | { readonly kind: 'archive'; readonly path: string; readonly file: string; readonly isOurs: boolean };

export interface ReadingPlace {
  /** The library's folder. */
  readonly folder: string;
  /** False: DICOM files that have a place of their own are indexed there. */
  readonly copiesAll: boolean;
}

/** Never throws: whatever a file holds, its outcome says so. */
export function readCandidate(candidate: Candidate, place: ReadingPlace): CandidateOutcome {
  const { source, file, member, depth } = candidate;
  try {
    if (member !== null) return readMember(candidate, zipMemberBytes(file, member), place);
    const outcome = readInstance(file, place.copiesAll ? place.folder : null);
    // Only what is no DICOM instance is looked at a second time.
    if (outcome.kind !== 'refused') return outcome;
    const kind = fileKind(headOf(file));
    if (kind === 'zip') return { kind: 'archive', path: source, file, isOurs: depth > 0 };
    return refusal(candidate, outcome);
  } catch (error) {
    return failure(source, error);
  }
}

function readMember(candidate: Candidate, bytes: Uint8Array, place: ReadingPlace): CandidateOutcome {
  const { source, file, depth } = candidate;
  const kind = fileKind(bytes);
  if (kind === 'zip') {
    if (depth > 1) {
      return { kind: 'refused', path: source, reason: 'An archive in an archive in an archive: expand it first.' };
    }
    return { kind: 'archive', path: source, file: writeUnfinished(bytes, place.folder), isOurs: true };
  }
  const outcome = readInstanceBytes(bytes, { source, modifiedMs: statSync(file).mtimeMs }, place.folder);
  return outcome.kind === 'refused' ? refusal(candidate, outcome) : outcome;
}

function refusal({ source }: Candidate, outcome: ReadOutcome & { kind: 'refused' }): ReadOutcome {
  return outcome.reason === 'Not a DICOM file.' ? { ...outcome, reason: notImportable(source) } : outcome;
}

function headOf(file: string): Uint8Array {
  const open = openSync(file, 'r');
  try {
    const bytes = new Uint8Array(fileKindBytes);
    return bytes.subarray(0, readSync(open, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(open);
  }
}
