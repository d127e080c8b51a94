// One DICOM file of an import, read to the point where the index can take it: header, hashes and, in copy mode, the copy.
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Fault } from '../../contract/fault.ts';
import type { DataSet } from './dataset.ts';
import { fileSystemReason } from './file-walk.ts';
import { headBuffer, readHeaderBytes, readHeaderFile, readHeaderHead } from './header-file.ts';
import type { ReadInstance } from './index-writer.ts';
import { type InstanceRecord, instanceRecord, isDirectoryFile } from './instance-record.ts';
import type { Store } from './intake/store-bytes.ts';

export type ReadOutcome =
  | { readonly kind: 'instance'; readonly instance: ReadInstance }
  | { readonly kind: 'refused'; readonly path: string; readonly reason: string }
  /** A DICOMDIR: it lists files and is none. */
  | { readonly kind: 'directory-file'; readonly path: string }
  | { readonly kind: 'disk-full'; readonly path: string };

/** Largest file that is copied into the store in one piece. */
const copyLimitBytes = 2 ** 31 - 1;

/** One for all files of a thread: nothing of a data set outlives the reading of its file. */
const head = headBuffer();

/** Never throws: whatever a file holds, its outcome says so. `store` null means that it is indexed in place. */
export function readInstance(file: string, store: Store | null): ReadOutcome {
  try {
    const { dataSet, fileBytes, modifiedMs } = readHeaderFile(file, { keepItems: false, into: head });
    if (isDirectoryFile(dataSet)) return { kind: 'directory-file', path: file };
    const record = instanceRecord(dataSet);
    if ('reason' in record) return { kind: 'refused', path: file, reason: record.reason };
    const base = { source: file, fileBytes, modifiedMs, ...readOf(dataSet, record) };
    if (store === null) {
      return { kind: 'instance', instance: { ...base, stored: file, isCopy: false, fileHash: null } };
    }
    if (fileBytes > copyLimitBytes) {
      return { kind: 'refused', path: file, reason: 'Too large to copy (over 2 GB): index it in place instead.' };
    }
    const { stored, fileHash, isNew } = store(readFileSync(file));
    return { kind: 'instance', instance: { ...base, stored, isCopy: true, isNewCopy: isNew, fileHash } };
  } catch (error) {
    return failure(file, error);
  }
}

/**
 * As `readInstance`, of a file in memory, told as `source`; it is copied into the store in any case.
 * @param modifiedMs of the file that the bytes came from
 */
export function readInstanceBytes(
  bytes: Uint8Array,
  { source, modifiedMs }: { source: string; modifiedMs: number },
  store: Store,
): ReadOutcome {
  try {
    const dataSet = readHeaderBytes(bytes, { keepItems: false });
    if (isDirectoryFile(dataSet)) return { kind: 'directory-file', path: source };
    const record = instanceRecord(dataSet);
    if ('reason' in record) return { kind: 'refused', path: source, reason: record.reason };
    const { stored, fileHash, isNew } = store(bytes);
    const base = { source, fileBytes: bytes.length, modifiedMs, ...readOf(dataSet, record) };
    return { kind: 'instance', instance: { ...base, stored, isCopy: true, isNewCopy: isNew, fileHash } };
  } catch (error) {
    return failure(source, error);
  }
}

/** What is known of a file before it is read: it was seen while it was written. */
export interface SeenFile {
  /** The file's first bytes. */
  readonly head: Uint8Array;
  readonly fileBytes: number;
  readonly modifiedMs: number;
}

/** As `readInstance` indexing in place, without reading the file's head again; null where `head` does not hold the whole header. */
export function readSeenInstance({ head: bytes, fileBytes, modifiedMs }: SeenFile, source: string): ReadOutcome | null {
  try {
    const dataSet =
      bytes.length === 0 ? null : readHeaderHead({ head: bytes, fileBytes, path: source }, { keepItems: false });
    if (dataSet === null) return null;
    if (isDirectoryFile(dataSet)) return { kind: 'directory-file', path: source };
    const record = instanceRecord(dataSet);
    if ('reason' in record) return { kind: 'refused', path: source, reason: record.reason };
    const base = { source, fileBytes, modifiedMs, ...readOf(dataSet, record) };
    return { kind: 'instance', instance: { ...base, stored: source, isCopy: false, fileHash: null } };
  } catch (error) {
    return failure(source, error);
  }
}

type Unread = Extract<ReadOutcome, { kind: 'refused' | 'disk-full' }>;

/** What became of a file whose reading threw. */
export function failure(source: string, error: unknown): Unread {
  const refused = (reason: string): Unread => ({ kind: 'refused', path: source, reason });
  if (error instanceof Fault) return refused(error.message);
  const code = (error as { code?: unknown }).code;
  if (code === 'ENOSPC' || code === 'EDQUOT') return { kind: 'disk-full', path: source };
  if (typeof code === 'string' && code.startsWith('E') && !code.startsWith('ERR_')) {
    return refused(`The file cannot be read: ${fileSystemReason(error)}.`);
  }
  return refused('The file cannot be read: its structure is damaged.');
}

const readOf = (
  dataSet: DataSet,
  record: InstanceRecord,
): Pick<ReadInstance, 'headerHash' | 'record' | 'surplusBytes'> => ({
  headerHash: headerHash(dataSet),
  record,
  surplusBytes: dataSet.surplusBytes,
});

/** SHA-256 of everything before the pixel data. */
function headerHash({ bytes, pixelData }: DataSet): string {
  return hash('sha256', bytes.subarray(0, pixelData?.offset ?? bytes.length), 'hex');
}
