// Reads one member of a zip archive into memory; runs in a worker thread.
import { closeSync, openSync, readSync } from 'node:fs';
import { crc32, inflateRawSync } from 'node:zlib';
import { libraryFaults } from '../faults.ts';
import type { ZipMember } from './zip-members.ts';

const localHeaderBytes = 30;
const localHeaderMark = 0x04034b50;

/**
 * The member's bytes.
 * @throws Fault 107 where the archive is damaged there; a file system error where it cannot be read.
 */
export function zipMemberBytes(archive: string, member: ZipMember): Buffer {
  const file = openSync(archive, 'r');
  try {
    const header = readAt(file, member.localHeaderOffset, localHeaderBytes);
    if (header.readUInt32LE(0) !== localHeaderMark) throw damaged('it does not lie where the archive says');
    // Name and extra field have lengths of their own here (APPNOTE 4.3.7).
    const start = member.localHeaderOffset + localHeaderBytes + header.readUInt16LE(26) + header.readUInt16LE(28);
    const packed = readAt(file, start, member.compressedBytes);
    const bytes = member.method === 'stored' ? packed : inflated(packed, member.bytes);
    if (bytes.length !== member.bytes) throw damaged('it ends too early');
    if (crc32(bytes) !== member.crc32) throw damaged('its checksum does not fit');
    return bytes;
  } finally {
    closeSync(file);
  }
}

function inflated(packed: Buffer, bytes: number): Buffer {
  try {
    // One more than declared, so that a longer one is told from a fitting one.
    return inflateRawSync(packed, { maxOutputLength: bytes + 1 });
  } catch {
    throw damaged('its bytes cannot be expanded to the size that the archive says');
  }
}

function readAt(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let held = 0; held < length;) {
    const read = readSync(file, bytes, held, length - held, position + held);
    if (read === 0) throw damaged('the archive ends before it does');
    held += read;
  }
  return bytes;
}

const damaged = (why: string): Error => libraryFaults.notDicom(`Damaged in its archive: ${why}.`);
