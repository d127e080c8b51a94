// A worker thread's answer to one candidate of an import, whatever kind of file it is.
import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import path from 'node:path';
import type { DataSet } from '../dataset.ts';
import { libraryFaults } from '../faults.ts';
import { readHeaderBytes, readHeaderFile } from '../header-file.ts';
import type { ReadOutcome } from '../read-instance.ts';
import { failure, readInstance, readInstanceBytes } from '../read-instance.ts';
import type { Candidate } from './candidate.ts';
import { listedFiles, missingFiles, plainName } from './dicomdir.ts';
import { classNames } from './class-names.ts';
import { fileKind, fileKindBytes, notImportable } from './file-kind.ts';
import type { MaskOf, MemberPlace } from './mask-pairs.ts';
import { type Store, writeUnfinished } from './store-bytes.ts';
import { wrapMask } from './wrap-mask.ts';
import { wrapNifti } from './wrap-nifti.ts';
import type { Wrapped, WrappedFile } from './wrapped-object.ts';
import { wrapJpeg, wrapPng } from './wrap-picture.ts';
import { zipMemberBytes } from './zip-member-bytes.ts';

export type CandidateOutcome =
  | Exclude<ReadOutcome, { kind: 'directory-file' | 'instance' }>
  /** `mask`: it was taken to be one, and is kept as its volume's segmentation, or as a volume with the reason why not. */
  | (Extract<ReadOutcome, { kind: 'instance' }> & { readonly mask?: { readonly whyNot: string | null } })
  /** A DICOMDIR: the files that it lists below its folder, and those of them that are not there (none in an archive). */
  | {
      readonly kind: 'directory-file';
      readonly path: string;
      readonly listed: readonly string[];
      readonly missing: readonly string[];
    }
  /** An archive: its members are candidates of their own. `isOurs`: it was unpacked from another one and is to be removed. */
  | { readonly kind: 'archive'; readonly path: string; readonly file: string; readonly isOurs: boolean };

export interface ReadingPlace {
  /** The library's folder. */
  readonly folder: string;
  /** False: DICOM files that have a place of their own are indexed there. */
  readonly copiesAll: boolean;
}

const wholeFileLimitBytes = 2 ** 30;
/** Room for a short name in small print, pixels: letters of 6 by 8 with some margin. Upright words count as well. */
const wordsRoom = { height: 16, width: 96 };

/** Never throws: whatever a file holds, its outcome says so. `store` takes what is copied in. */
export function readCandidate(candidate: Candidate, place: ReadingPlace, store: Store): CandidateOutcome {
  const { source, file, member, depth } = candidate;
  try {
    if (member !== null) return readMember(candidate, zipMemberBytes(file, member), place, store);
    const outcome = readInstance(file, place.copiesAll ? store : null);
    // Only what is no DICOM instance is looked at a second time.
    if (outcome.kind === 'directory-file') {
      const listed = listedBy(source, () => readHeaderFile(file, { keepItems: true }).dataSet);
      return { ...outcome, listed, missing: missingFiles(path.dirname(file), listed) };
    }
    if (outcome.kind !== 'refused') return outcome;
    const kind = fileKind(headOf(file));
    if (kind === 'zip') return { kind: 'archive', path: source, file, isOurs: depth > 0 };
    if (kind === 'unknown') return refusal(candidate, outcome);
    return wrapped(candidate, kind, wholeFile(file), store);
  } catch (error) {
    return failure(source, error);
  }
}

function readMember(candidate: Candidate, bytes: Uint8Array, place: ReadingPlace, store: Store): CandidateOutcome {
  const { source, file, depth } = candidate;
  const kind = fileKind(bytes);
  if (kind === 'zip') {
    if (depth > 1) {
      return { kind: 'refused', path: source, reason: 'An archive in an archive in an archive: expand it first.' };
    }
    return { kind: 'archive', path: source, file: writeUnfinished(bytes, place.folder), isOurs: true };
  }
  if (kind !== 'unknown') return wrapped(candidate, kind, bytes, store);
  const outcome = readInstanceBytes(bytes, { source, modifiedMs: statSync(file).mtimeMs }, store);
  if (outcome.kind === 'directory-file') {
    const listed = listedBy(source, () => readHeaderBytes(bytes, { keepItems: true }));
    return { ...outcome, listed, missing: [] };
  }
  return outcome.kind === 'refused' ? refusal(candidate, outcome) : outcome;
}

/** A picture or volume as a DICOM object in the store. */
function wrapped(candidate: Candidate, kind: keyof typeof wraps, bytes: Uint8Array, store: Store): CandidateOutcome {
  const { source, file } = candidate;
  try {
    const mask = candidate.maskOf === undefined ? null : wrappedMask(bytes, candidate, candidate.maskOf);
    const { object, remark }: Wrapped =
      mask !== null && mask.object !== null
        ? { object: mask.object }
        : wraps[kind](wrappedFile(bytes, source, candidate.patient));
    const outcome = readInstanceBytes(object, { source, modifiedMs: statSync(file).mtimeMs }, store);
    if (outcome.kind === 'directory-file') throw new Error('a wrapped file is no DICOMDIR');
    if (outcome.kind !== 'instance') return outcome;
    // What a wrapped file lacks it never had: nothing is missing that could be looked for.
    const { rows, columns, burnedIn } = outcome.instance.record;
    const hasRoomForWords =
      (kind === 'png' || kind === 'jpeg') &&
      Math.min(rows, columns) >= wordsRoom.height &&
      Math.max(rows, columns) >= wordsRoom.width;
    const record = { ...outcome.instance.record, missing: '', burnedIn: hasRoomForWords ? burnedIn : null };
    const instance = { ...outcome.instance, record, isWrapped: true, ...(remark === undefined ? {} : { remark }) };
    return { ...outcome, instance, ...(mask === null ? {} : { mask: { whyNot: mask.whyNot } }) };
  } catch (error) {
    return failure(source, error);
  }
}

function wrappedFile(bytes: Uint8Array, source: string, patient: string | null): WrappedFile {
  const content = createHash('sha256').update(bytes).digest('hex');
  const name = source.slice(Math.max(source.lastIndexOf('/'), source.lastIndexOf(path.sep)) + 1);
  return { bytes, content, name, patient };
}

/** As the segmentation of its image, or the reason why it is none. @throws what is no volume at all */
function wrappedMask(
  bytes: Uint8Array,
  { patient }: Candidate,
  { image, imageSource, dataset }: MaskOf,
): { readonly object: Uint8Array | null; readonly whyNot: string | null } {
  const bytesOf = ({ file, member }: MemberPlace): Uint8Array =>
    member === null ? wholeFile(file) : zipMemberBytes(file, member);
  try {
    const names = dataset === null ? new Map<number, string>() : classNames(bytesOf(dataset));
    const content = createHash('sha256').update(bytes).digest('hex');
    return {
      object: wrapMask({ bytes, content, image: wrappedFile(bytesOf(image), imageSource, patient), names }),
      whyNot: null,
    };
  } catch (error) {
    const why = failure(imageSource, error);
    return { object: null, whyNot: why.kind === 'refused' ? why.reason : 'The disk is full.' };
  }
}

const wraps = { png: wrapPng, jpeg: wrapJpeg, nifti: wrapNifti, gzip: wrapNifti } as const;

function wholeFile(file: string): Uint8Array {
  if (statSync(file).size > wholeFileLimitBytes)
    throw libraryFaults.notDicom('Too large for a picture or volume that is no DICOM (over 1 GB).');
  return readFileSync(file);
}

/** Directories under other names are copies of no disc: nothing is missed for them. */
function listedBy(source: string, read: () => DataSet): string[] {
  return plainName(source.slice(source.lastIndexOf('/') + 1)) === 'dicomdir' ? listedFiles(read()) : [];
}

function refusal({ source }: Candidate, outcome: ReadOutcome & { kind: 'refused' }): CandidateOutcome {
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
