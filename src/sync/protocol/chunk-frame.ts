// Binary frames: a 48-byte header and at most 256 KiB of a blob. Little-endian; the payload starts on a multiple of 8.
//   0 magic u16 'IQ' · 2 version u8 · 3 type u8 · 4 transfer id 16 bytes · 20 payload length u32 · 24 offset u64
//   32 CRC-32 of the payload u32 · 36 reserved, zero
import { crc32 } from 'node:zlib';
import { wireFault } from './faults.ts';
import { wireLimits } from './limits.ts';

export const chunkHeaderBytes = 48;
const magic = 0x5149;
const chunkType = 1;

export interface Chunk {
  /** 32 hex digits. */
  readonly transfer: string;
  readonly offset: number;
  readonly payload: Uint8Array;
}

/** A frame with a copy of the payload. */
export function encodeChunk({ transfer, offset, payload }: Chunk): Uint8Array {
  const frame = Buffer.allocUnsafe(chunkHeaderBytes + payload.length);
  frame.set(payload, chunkHeaderBytes);
  writeChunkHeader(frame, transfer, offset);
  return frame;
}

/** Writes the header before a payload that is in its place already, from byte 48 to the frame's end. */
export function writeChunkHeader(frame: Buffer, transfer: string, offset: number): void {
  const payload = frame.subarray(chunkHeaderBytes);
  frame.fill(0, 0, chunkHeaderBytes);
  frame.writeUInt16LE(magic, 0);
  frame.writeUInt8(1, 2);
  frame.writeUInt8(chunkType, 3);
  frame.write(transfer, 4, 16, 'hex');
  frame.writeUInt32LE(payload.length, 20);
  frame.writeBigUInt64LE(BigInt(offset), 24);
  frame.writeUInt32LE(crc32(payload), 32);
}

/** @throws Fault 401 for anything but one whole chunk; its payload is a view on `frame`. */
export function decodeChunk(frame: Uint8Array): Chunk {
  if (frame.length <= chunkHeaderBytes) throw wireFault.malformedChunk('it is shorter than its header');
  const view = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
  if (view.readUInt16LE(0) !== magic) throw wireFault.malformedChunk('it is not a chunk');
  if (view.readUInt8(2) !== 1) throw wireFault.malformedChunk(`frame version ${view.readUInt8(2)} is not known`);
  if (view.readUInt8(3) !== chunkType) throw wireFault.malformedChunk(`frame type ${view.readUInt8(3)} is not known`);
  const length = view.readUInt32LE(20);
  const payload = view.subarray(chunkHeaderBytes);
  if (length !== payload.length || length > wireLimits.chunkBytes)
    throw wireFault.malformedChunk('its length is wrong');
  if (crc32(payload) !== view.readUInt32LE(32)) throw wireFault.malformedChunk('its checksum is wrong');
  const offset = view.readBigUInt64LE(24);
  if (offset > BigInt(wireLimits.blobBytes)) throw wireFault.malformedChunk('its offset is out of range');
  return { transfer: view.toString('hex', 4, 20), offset: Number(offset), payload };
}

/**
 * Gives back the memory of a chunk's frame that nothing looks at any more, where the frame has it to itself. The collector would too, but it
 * lets 64 MB of such memory come together first.
 */
export function giveBackFrame({ buffer, byteOffset, byteLength }: Uint8Array): void {
  const isAlone = byteOffset === chunkHeaderBytes && byteOffset + byteLength === buffer.byteLength;
  if (isAlone && buffer instanceof ArrayBuffer) buffer.transfer(0);
}
