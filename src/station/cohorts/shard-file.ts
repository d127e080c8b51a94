// A shard on disk: a tensor file named by its recipe and by the SHA-256 of its bytes.
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readdirSync, readSync, rmSync } from 'node:fs';
import path from 'node:path';
import { byteScale } from '../../contract/dataset.ts';
import { decodeTensorLayout, encodeTensorFile, type Tensor, tensorHeaderBytes } from '../../contract/safetensors.ts';
import { writeFileDurably } from '../../disk/durable-file.ts';
import type { WrittenShard } from './shard-task.ts';

const unfinished = '.tmp';
/** Bytes of a shard that are hashed together: one that is read whole is several megabytes, which come back late. */
const hashedAtOnce = 2 ** 18;

export interface ShardContents {
  /** [n, H, W, C], 0…65535. */
  readonly images: Uint16Array;
  /** Whether 8 bits hold what the images' files held. */
  readonly isByte: boolean;
  /** [n, H, W]; null where the task has none. */
  readonly masks: Uint8Array | null;
  readonly kept: Int32Array;
  readonly moments: Float32Array;
  readonly pixels: Int32Array;
  readonly places: Float32Array;
  readonly volumes: Int32Array;
  readonly firstReason: string | null;
  readonly shape: { readonly height: number; readonly width: number; readonly channels: number };
  readonly classes: number;
}

/** Writes it beside and renames it; leaves nothing half-written behind. The images' room is written over. */
export function writeShard(folder: string, recipe: string, contents: ShardContents): WrittenShard {
  const { images, isByte, masks, kept, moments, pixels, places, volumes, firstReason, shape, classes } = contents;
  const columns = { kept, moments, pixels, places, volumes, firstReason };
  if (kept.length === 0) return { file: null, bytes: 0, ...columns };
  const { height, width, channels } = shape;
  const stored = isByte ? narrowed(images) : images;
  const tensors = new Map<string, Tensor>([
    ['images', tensor(isByte ? 'U8' : 'U16', [kept.length, height, width, channels], stored)],
    ['kept', tensor('I32', [kept.length], kept)],
    ['moments', tensor('F32', [kept.length, 2], moments)],
  ]);
  if (masks !== null) {
    tensors.set('masks', tensor('U8', [kept.length, height, width], masks));
    tensors.set('pixels', tensor('I32', [kept.length, classes], pixels));
    tensors.set('places', tensor('F32', [kept.length, 3], places));
    tensors.set('volumes', tensor('I32', [kept.length, 2], volumes));
  }
  const bytes = encodeTensorFile({ tensors, metadata: firstReason === null ? {} : { firstReason } });
  const file = `${recipe}-${createHash('sha256').update(bytes).digest('hex')}`;
  const beside = path.join(folder, `${recipe}.${process.pid}${unfinished}`);
  writeFileDurably(path.join(folder, file), bytes, 0o600, { beside });
  return { file, bytes: bytes.length, ...columns };
}

/** In the room of the wide values, which are gone afterwards: byte n is written when value n, at bytes 2n and 2n + 1, has been read. */
function narrowed(images: Uint16Array): Uint8Array {
  const bytes = new Uint8Array(images.buffer, images.byteOffset, images.length);
  for (let index = 0; index < bytes.length; index += 1) bytes[index] = Math.round(images[index]! / byteScale);
  return bytes;
}

const tensor = (elementType: Tensor['elementType'], shape: number[], values: ArrayBufferView): Tensor => ({
  elementType,
  shape,
  bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
});

/** A shard that is whole; null, and the file removed, where its bytes are not those of its name. */
export function readShard(folder: string, file: string): WrittenShard | null {
  const place = path.join(folder, file);
  let descriptor: number | null = null;
  try {
    descriptor = openSync(place, 'r');
    const opened = descriptor;
    const { size } = fstatSync(opened);
    if (hashOf(opened, size) !== file.slice(-64)) throw new Error('damaged');
    const head = tensorHeaderBytes(bytesOf(opened, 0, Math.min(8, size)), size);
    const { tensors, metadata } = decodeTensorLayout(bytesOf(opened, 0, head), size);
    const columnOf = (name: string): ArrayBuffer => {
      const { start, end } = tensors.get(name) ?? { start: 0, end: 0 };
      return bytesOf(opened, start, end - start).buffer;
    };
    return {
      file,
      bytes: size,
      kept: new Int32Array(columnOf('kept')),
      moments: new Float32Array(columnOf('moments')),
      pixels: new Int32Array(columnOf('pixels')),
      places: new Float32Array(columnOf('places')),
      volumes: new Int32Array(columnOf('volumes')),
      firstReason: metadata['firstReason'] ?? null,
    };
  } catch {
    rmSync(place, { force: true });
    return null;
  } finally {
    if (descriptor !== null) closeSync(descriptor);
  }
}

function hashOf(descriptor: number, size: number): string {
  const hash = createHash('sha256');
  const piece = new Uint8Array(hashedAtOnce);
  for (let at = 0; at < size;) {
    const count = readSync(descriptor, piece, 0, Math.min(piece.length, size - at), at);
    if (count === 0) throw new Error('cut short');
    hash.update(piece.subarray(0, count));
    at += count;
  }
  return hash.digest('hex');
}

/** @throws Error where the file is shorter */
function bytesOf(descriptor: number, start: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const count = readSync(descriptor, bytes, done, length - done, start + done);
    if (count === 0) throw new Error('cut short');
    done += count;
  }
  return bytes;
}

/** Shards in the folder by their recipes; what a killed process left half-written is removed. */
export function shardsIn(folder: string): Map<string, string> {
  const shards = new Map<string, string>();
  for (const name of readdirSync(folder)) {
    if (name.endsWith(unfinished)) rmSync(path.join(folder, name), { force: true });
    else shards.set(name.slice(0, 32), name);
  }
  return shards;
}
