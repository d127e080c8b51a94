// The members of a zip archive, from its central directory (APPNOTE 4.3.12), with limits against hostile ones. Names are
// told to people and never used as paths.
import { stat } from 'node:fs/promises';
import { getFileNameLowLevel, openPromise, type Entry, type ZipFile } from 'yauzl';
import { fileSystemReason } from '../file-walk.ts';

/** Enough to read one member without the central directory. */
export interface ZipMember {
  readonly name: string;
  readonly localHeaderOffset: number;
  readonly compressedBytes: number;
  /** As declared; reading stops there. */
  readonly bytes: number;
  readonly method: 'stored' | 'deflated';
  readonly crc32: number;
}

export type FoundMember = ZipMember | { readonly name: string; readonly reason: string };

export interface ZipLimits {
  readonly members: number;
  readonly memberBytes: number;
  /** Inflated to packed, of what is larger than `ratioFromBytes`: zeros reach 1,032, images of empty air about 200. */
  readonly ratio: number;
  readonly ratioFromBytes: number;
  readonly totalBytes: number;
}

export const zipLimits: ZipLimits = {
  members: 1_000_000,
  memberBytes: 2 ** 31 - 1,
  ratio: 250,
  ratioFromBytes: 256 * 2 ** 20,
  totalBytes: 2 ** 40,
};

/**
 * Members in the order of the directory, folders left out, each with a reason where it cannot be read. An archive that
 * cannot be read, or not to its end, gives the reason under the empty name.
 */
export async function* zipMembers(file: string, limits: ZipLimits = zipLimits): AsyncGenerator<FoundMember> {
  let zip: ZipFile | null = null;
  try {
    const packedBytes = (await stat(file)).size;
    zip = await openPromise(file, {
      lazyEntries: true,
      autoClose: false,
      decodeStrings: false,
      validateEntrySizes: false,
    });
    let members = 0;
    let totalBytes = 0;
    for await (const entry of zip.eachEntry()) {
      const name = memberName(entry);
      if (name.endsWith('/') || name.startsWith('__MACOSX/')) continue;
      members += 1;
      totalBytes += entry.uncompressedSize;
      if (members > limits.members) {
        yield { name: '', reason: `The archive holds more than ${limits.members} files; the rest was left out.` };
        return;
      }
      // Members may share their packed bytes: what counts is what all of them would be.
      if (
        totalBytes > limits.totalBytes ||
        (totalBytes > limits.ratioFromBytes && totalBytes > limits.ratio * packedBytes)
      ) {
        yield { name: '', reason: 'The archive grows out of all proportion when expanded; the rest was left out.' };
        return;
      }
      yield entry.compressedSize > packedBytes
        ? { name, reason: 'Damaged: the archive is shorter than this file in it.' }
        : memberOf(entry, name, limits);
    }
    if (members === 0) yield { name: '', reason: 'The archive holds no files.' };
  } catch (error) {
    yield { name: '', reason: archiveReason(error) };
  } finally {
    zip?.close();
  }
}

function memberOf(entry: Entry, name: string, limits: ZipLimits): FoundMember {
  const { compressedSize, uncompressedSize, compressionMethod } = entry;
  const refuse = (reason: string): FoundMember => ({ name, reason });
  if (entry.isEncrypted()) return refuse('Encrypted: expand the archive with its password and import the folder.');
  if (compressionMethod !== 0 && compressionMethod !== 8)
    return refuse(`Packed by an unusual method (${compressionMethod}): expand the archive and import the folder.`);
  if (uncompressedSize > limits.memberBytes)
    return refuse('Too large to be read out of an archive (over 2 GB): expand the archive and import the folder.');
  if (uncompressedSize > limits.ratioFromBytes && uncompressedSize > limits.ratio * compressedSize)
    return refuse('It grows out of all proportion when expanded.');
  if (compressionMethod === 0 && compressedSize !== uncompressedSize)
    return refuse('Damaged: the archive tells two sizes of it.');
  return {
    name,
    localHeaderOffset: entry.relativeOffsetOfLocalHeader,
    compressedBytes: compressedSize,
    bytes: uncompressedSize,
    method: compressionMethod === 0 ? 'stored' : 'deflated',
    crc32: entry.crc32,
  };
}

/** The name with plain slashes, without what could lead out of a folder. */
function memberName({ generalPurposeBitFlag, fileNameRaw, extraFields }: Entry): string {
  const name = getFileNameLowLevel(generalPurposeBitFlag, fileNameRaw, extraFields, false).replaceAll('\\', '/');
  const isFolder = name.endsWith('/');
  const kept = name.split('/').filter((part) => part !== '' && part !== '.' && part !== '..');
  return kept.join('/').slice(0, 4_096).replaceAll('\0', '') + (isFolder ? '/' : '');
}

function archiveReason(error: unknown): string {
  if (typeof (error as { code?: unknown }).code === 'string')
    return `The archive cannot be read: ${fileSystemReason(error)}.`;
  const message = error instanceof Error ? error.message : '';
  if (/encrypt/i.test(message)) return 'The archive is encrypted: expand it with its password and import the folder.';
  if (/multi-disk/i.test(message)) return 'One part of several: expand the whole archive and import the folder.';
  return 'The archive is damaged: its list of files cannot be read.';
}
