// Images and masks of a data set by example: within its own file, or in shards beside it.
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync } from 'node:fs';
import path from 'node:path';
import { byteScale, type DatasetHeader, type Shard, shardFolder } from '../../contract/dataset.ts';
import { decodeTensorLayout, tensorHeaderBytes, type TensorLayout } from '../../contract/safetensors.ts';
import { datasetMalformed, datasetUnreadable, shardDamaged } from '../faults.ts';
import { fillBytes, readBytes, reasonOf, tensorAt } from './tensor-place.ts';

export interface ExamplePixels {
  readImage(example: number, into: Uint16Array): void;
  readMask(example: number, into: Uint8Array): void;
  close(): void;
}

/** Shards open at once; the one unused for longest is closed. */
const maxOpenShards = 200;
/** Bytes of a shard that are hashed together. */
const hashedAtOnce = 2 ** 18;

/** Reads of an open tensor file. Synchronous on purpose: an image is a few kilobytes of page cache, cheaper to copy than to wait for. */
interface PixelPlace {
  readonly descriptor: number;
  readonly imagesAt: number;
  readonly isByte: boolean;
  readonly masksAt: number | null;
}

function pixelPlace(descriptor: number, layout: TensorLayout, header: DatasetHeader, examples: number): PixelPlace {
  const { height, width, channels, task } = header;
  const isByte = header.version === 2 && layout.tensors.get('images')?.elementType === 'U8';
  const images = tensorAt(layout, 'images', isByte ? 'U8' : 'U16', [examples, height, width, channels]);
  const masks = task === 'segmentation' ? tensorAt(layout, 'masks', 'U8', [examples, height, width]) : null;
  return { descriptor, imagesAt: images.start, isByte, masksAt: masks?.start ?? null };
}

function readImageAt({ descriptor, imagesAt, isByte }: PixelPlace, index: number, into: Uint16Array): void {
  if (!isByte) {
    const bytes = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
    fillBytes(descriptor, imagesAt + index * into.byteLength, bytes);
    return;
  }
  // The narrow values go to the rear half of their own room, and widen from the front without overtaking them.
  const bytes = new Uint8Array(into.buffer, into.byteOffset + into.length, into.length);
  fillBytes(descriptor, imagesAt + index * into.length, bytes);
  for (let place = 0; place < into.length; place += 1) into[place] = bytes[place]! * byteScale;
}

function readMaskAt({ descriptor, masksAt }: PixelPlace, index: number, into: Uint8Array): void {
  if (masksAt === null) throw datasetMalformed('it has no masks');
  fillBytes(descriptor, masksAt + index * into.length, into);
}

/** Of a data set in one file, which stays the caller's to close. */
export function pixelsInFile(descriptor: number, layout: TensorLayout, header: DatasetHeader): ExamplePixels {
  const place = pixelPlace(descriptor, layout, header, header.examples);
  return {
    readImage: (example, into) => readImageAt(place, example, into),
    readMask: (example, into) => readMaskAt(place, example, into),
    close: () => {},
  };
}

/**
 * Of a data set in shards; each is checked against its hash when it is first read.
 * @param places shard and index within it, for each example
 * @throws Fault 351 when a place is in no shard.
 */
export function pixelsInShards(folder: string, header: DatasetHeader, places: Int32Array): ExamplePixels {
  const shards = header.shards ?? [];
  for (let example = 0; example < header.examples; example += 1) {
    const examples = shards[places[example * 2]!]?.examples ?? 0;
    const index = places[example * 2 + 1]!;
    if (index < 0 || index >= examples) throw datasetMalformed('an image lies in no shard');
  }
  /** In order of last use. */
  const open = new Map<number, PixelPlace>();
  const checked = new Set<number>();
  // The first batches open every shard there is: a buffer for each would be more than all else that a run needs.
  const piece = new Uint8Array(hashedAtOnce);
  const placeOf = (example: number): [PixelPlace, number] => {
    const shard = places[example * 2]!;
    const index = places[example * 2 + 1]!;
    let place = open.get(shard);
    if (place === undefined) {
      if (open.size >= maxOpenShards) {
        const [oldest, { descriptor }] = open.entries().next().value!;
        open.delete(oldest);
        closeSync(descriptor);
      }
      place = openShard(folder, shards[shard]!, header, checked.has(shard) ? null : piece);
      checked.add(shard);
      open.set(shard, place);
    } else if (open.size >= maxOpenShards) {
      open.delete(shard);
      open.set(shard, place);
    }
    return [place, index];
  };
  return {
    readImage: (example, into) => readImageAt(...placeOf(example), into),
    readMask: (example, into) => readMaskAt(...placeOf(example), into),
    close() {
      for (const { descriptor } of open.values()) closeSync(descriptor);
      open.clear();
    },
  };
}

/** @param piece to hash it by; null of one that was checked before */
function openShard(
  folder: string,
  { file, examples }: Shard,
  header: DatasetHeader,
  piece: Uint8Array | null,
): PixelPlace {
  let descriptor: number;
  try {
    descriptor = openSync(path.join(folder, shardFolder, file), 'r');
  } catch (error) {
    throw isGone(error) ? shardDamaged('a shard is gone') : datasetUnreadable(`of a shard, ${reasonOf(error)}`, error);
  }
  try {
    const { size } = fstatSync(descriptor);
    if (piece !== null && hashOf(descriptor, size, piece) !== file.slice(-64))
      throw shardDamaged('its bytes are not those that were written');
    const first = readBytes(descriptor, 0, Math.min(8, size));
    const layout = decodeTensorLayout(readBytes(descriptor, 0, tensorHeaderBytes(first, size)), size);
    return pixelPlace(descriptor, layout, header, examples);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function hashOf(descriptor: number, size: number, piece: Uint8Array): string {
  const hash = createHash('sha256');
  for (let at = 0; at < size; at += piece.length) {
    const next = piece.subarray(0, Math.min(piece.length, size - at));
    fillBytes(descriptor, at, next);
    hash.update(next);
  }
  return hash.digest('hex');
}
