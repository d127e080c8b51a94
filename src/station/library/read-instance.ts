// One file of an import, read to the point where the index can take it: header, hashes and, in copy mode, the copy.
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { Fault } from '../../contract/fault.ts';
import type { DataSet } from './dataset.ts';
import { fileSystemReason } from './file-walk.ts';
import { readHeaderFile } from './header-file.ts';
import type { ReadInstance } from './index-writer.ts';
import { instanceRecord, isDirectoryFile } from './instance-record.ts';

export type ReadOutcome =
  | { readonly kind: 'instance'; readonly instance: ReadInstance }
  | { readonly kind: 'refused'; readonly path: string; readonly reason: string }
  /** A DICOMDIR: it lists files and is none. */
  | { readonly kind: 'directory-file'; readonly path: string }
  | { readonly kind: 'disk-full'; readonly path: string };

/** Largest file that is copied into the store in one piece. */
const copyLimitBytes = 2 ** 31 - 1;

/** Never throws: whatever a file holds, its outcome says so. `copyFolder` null means that it is indexed in place. */
export function readInstance(file: string, copyFolder: string | null): ReadOutcome {
  try {
    const { dataSet, fileBytes, modifiedMs } = readHeaderFile(file, { keepItems: false });
    if (isDirectoryFile(dataSet)) return { kind: 'directory-file', path: file };
    const record = instanceRecord(dataSet);
    if ('reason' in record) return { kind: 'refused', path: file, reason: record.reason };
    const base = { source: file, fileBytes, modifiedMs, headerHash: headerHash(dataSet), record };
    if (copyFolder === null) {
      return { kind: 'instance', instance: { ...base, stored: file, isCopy: false, fileHash: null } };
    }
    if (fileBytes > copyLimitBytes) {
      return { kind: 'refused', path: file, reason: 'Too large to copy (over 2 GB): index it in place instead.' };
    }
    const { stored, fileHash } = copyFile(file, copyFolder);
    return { kind: 'instance', instance: { ...base, stored, isCopy: true, fileHash } };
  } catch (error) {
    return failure(file, error);
  }
}

function failure(file: string, error: unknown): ReadOutcome {
  if (error instanceof Fault) return { kind: 'refused', path: file, reason: reasonFor(file, error.message) };
  const code = (error as { code?: unknown }).code;
  if (code === 'ENOSPC' || code === 'EDQUOT') return { kind: 'disk-full', path: file };
  if (typeof code === 'string') {
    return { kind: 'refused', path: file, reason: `The file cannot be read: ${fileSystemReason(error)}.` };
  }
  return { kind: 'refused', path: file, reason: 'The file cannot be read: its structure is damaged.' };
}

function reasonFor(file: string, reason: string): string {
  if (reason !== 'Not a DICOM file.') return reason;
  if (/\.(zip|gz|tgz|tar|7z|rar)$/i.test(file)) return 'Not a DICOM file: expand the archive and import its folder.';
  const isPicture = /\.(png|jpe?g)$/i.test(file);
  return isPicture ? 'Not a DICOM file: PNG and JPEG pictures cannot be imported yet.' : reason;
}

/** SHA-256 of everything before the pixel data. */
function headerHash({ bytes, pixelData }: DataSet): string {
  return createHash('sha256')
    .update(bytes.subarray(0, pixelData?.offset ?? bytes.length))
    .digest('hex');
}

/** Copies into <copyFolder>/instances/<xx>/<sha256>.dcm, written beside and renamed: a half copy is never seen. */
function copyFile(file: string, copyFolder: string): { stored: string; fileHash: string } {
  const bytes = readFileSync(file);
  const fileHash = createHash('sha256').update(bytes).digest('hex');
  const stored = path.join('instances', fileHash.slice(0, 2), `${fileHash}.dcm`);
  const target = path.join(copyFolder, stored);
  if (existsSync(target)) return { stored, fileHash };
  mkdirSync(path.dirname(target), { recursive: true });
  const beside = `${target}.${process.pid}-${performance.now()}.part`;
  try {
    const out = openSync(beside, 'wx', 0o600);
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(out, bytes, at);
      fsyncSync(out);
    } finally {
      closeSync(out);
    }
    renameSync(beside, target);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
  return { stored, fileHash };
}
