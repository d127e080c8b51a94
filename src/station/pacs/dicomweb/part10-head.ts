// Files without a preamble or without file meta information are in the library as they came; what leaves must be
// a Part 10 file (PS3.10 7.1), so what they lack is put in front of them on the way.
import { open } from 'node:fs/promises';
import type { SendFile } from '../peer-client.ts';

const preamble = Buffer.concat([Buffer.alloc(128), Buffer.from('DICM', 'latin1')]);
/** As in every object that this product writes: a UUID-derived UID (PS3.5 B.2). */
const implementationClassUID = '2.25.224380093481220386012977043105482905871';

/** The bytes to put in front of the file; none where it is a Part 10 file already. */
export async function missingHead(file: SendFile): Promise<Buffer> {
  const start = await firstBytes(file.path, preamble.length);
  if (start.length === preamble.length && start.subarray(128).equals(preamble.subarray(128))) return Buffer.alloc(0);
  const hasMeta = start.length >= 8 && start.readUInt16LE(0) === 0x0002;
  return hasMeta ? preamble : Buffer.concat([preamble, fileMeta(file)]);
}

async function firstBytes(path: string, bytes: number): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(bytes);
    const { bytesRead } = await handle.read(buffer, 0, bytes, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** File meta information (PS3.10 table 7.1-1), explicit VR little endian. */
function fileMeta({ sopClassUID, sopInstanceUID, transferSyntaxUID }: SendFile): Buffer {
  const version = Buffer.from([0x02, 0x00, 0x01, 0x00, 0x4f, 0x42, 0, 0, 2, 0, 0, 0, 0, 1]);
  const rest = Buffer.concat([
    version,
    uidElement(0x0002, sopClassUID),
    uidElement(0x0003, sopInstanceUID),
    uidElement(0x0010, transferSyntaxUID),
    uidElement(0x0012, implementationClassUID),
  ]);
  const groupLength = Buffer.from([0x02, 0x00, 0x00, 0x00, 0x55, 0x4c, 4, 0, 0, 0, 0, 0]);
  groupLength.writeUInt32LE(rest.length, 8);
  return Buffer.concat([groupLength, rest]);
}

function uidElement(element: number, uid: string): Buffer {
  const value = Buffer.from(uid.length % 2 === 0 ? uid : `${uid}\0`, 'latin1');
  const head = Buffer.from([0x02, 0x00, 0, 0, 0x55, 0x49, 0, 0]);
  head.writeUInt16LE(element, 2);
  head.writeUInt16LE(value.length, 6);
  return Buffer.concat([head, value]);
}
