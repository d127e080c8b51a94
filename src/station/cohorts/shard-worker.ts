// The thread that makes shards: decodes, preprocesses, writes. One shard at a time, so that memory is that of one shard. It also
// reads images for models that are run on them.
import { parentPort } from 'node:worker_threads';
import { Fault, faultValueOf } from '../../contract/fault.ts';
import { isDiskFull, stationFault } from '../faults.ts';
import { type Example, exampleReader } from './example-reader.ts';
import { alongNormalMm, networkPixelMm } from './placement.ts';
import { readShard, writeShard } from './shard-file.ts';
import type { AnyTask, Extent, MeasureTask, ReadImage, ReadTask, ShardNews, ShardTask } from './shard-task.ts';

const scale = 65_535;
const reader = exampleReader();
/** One shard's, used again for the next: freed memory of that size comes back late. */
const room = { images: new Uint16Array(0), masks: new Uint8Array(0) };
const tell = (news: ShardNews): void => parentPort?.postMessage(news, buffersOf(news));

parentPort?.on('message', (task: AnyTask) => {
  void workOn(task)
    .catch((error: unknown): ShardNews => {
      const fault = isDiskFull(error) ? stationFault.diskFull().toValue() : faultValueOf(error);
      return { kind: 'fault', fault };
    })
    .then(tell);
});

async function workOn(task: AnyTask): Promise<ShardNews> {
  if ('measure' in task) return measure(task);
  if ('read' in task) return read(task);
  if ('recall' in task) return { kind: 'recalled', shard: readShard(task.folder, task.recall) };
  return build(task);
}

async function build({ folder, recipe, task, classes, chain, examples, skipped }: ShardTask): Promise<ShardNews> {
  const { height, width, channels } = chain;
  const [imageLength, maskLength] = [height * width * channels, height * width];
  const hasMasks = task === 'segmentation';
  if (room.images.length < examples.length * imageLength) room.images = new Uint16Array(examples.length * imageLength);
  if (hasMasks && room.masks.length < examples.length * maskLength)
    room.masks = new Uint8Array(examples.length * maskLength);
  const { images } = room;
  const masks = hasMasks ? room.masks : null;
  const kept: number[] = [];
  const moments: number[] = [];
  const pixels: number[] = [];
  const places: number[] = [];
  const volumes: number[] = [];
  const given = new Map(skipped.map(({ index, reason }) => [index, reason]));
  let isByte = true;
  let firstReason: string | null = null;
  for (const [index, example] of examples.entries()) {
    try {
      const reason = given.get(index);
      if (reason !== undefined) throw new Fault({ code: 214, message: reason, retry: 'later' });
      const read = await reader.read(example, chain);
      const at = kept.length;
      images.set(read.image, at * imageLength);
      if (masks !== null) {
        const mask = read.mask ?? new Uint8Array(maskLength);
        masks.set(mask, at * maskLength);
        pixels.push(...countsOf(mask, classes));
        places.push(alongNormalMm(read.place.geometry) ?? NaN, ...(networkPixelMm(read.place, chain) ?? [NaN, NaN]));
        volumes.push(...(example.volume ?? [0, 0]));
      }
      moments.push(...momentsOf(read.image));
      kept.push(index);
      isByte &&= read.isByte;
    } catch (error) {
      firstReason ??= reasonOf(error);
    }
    tell({ kind: 'example', index });
  }
  const shard = writeShard(folder, recipe, {
    images: images.subarray(0, kept.length * imageLength),
    isByte,
    masks: masks?.subarray(0, kept.length * maskLength) ?? null,
    kept: Int32Array.from(kept),
    moments: Float32Array.from(moments),
    pixels: Int32Array.from(pixels),
    places: Float32Array.from(places),
    volumes: Int32Array.from(volumes),
    firstReason,
    shape: { height, width, channels },
    classes,
  });
  return { kind: 'shard', shard };
}

async function read({ read: examples, chain, skipped }: ReadTask): Promise<ShardNews> {
  const given = new Map(skipped.map(({ index, reason }) => [index, reason]));
  const images: (ReadImage | { reason: string })[] = [];
  for (const [index, example] of examples.entries()) {
    const reason = given.get(index);
    try {
      images.push(reason === undefined ? imageOf(await reader.read(example, chain)) : { reason });
    } catch (error) {
      images.push({ reason: reasonOf(error) });
    }
    tell({ kind: 'example', index });
  }
  return { kind: 'images', images };
}

const imageOf = ({ image, place }: Example): ReadImage => ({ image, place });

function buffersOf(news: ShardNews): ArrayBuffer[] {
  return news.kind === 'images' ? news.images.flatMap((one) => ('image' in one ? [one.image.buffer] : [])) : [];
}

async function measure({ measure: places }: MeasureTask): Promise<ShardNews> {
  const extents: Extent[] = [];
  for (const [index, place] of places.entries()) {
    try {
      const extent = await reader.extent(place);
      if (extent !== null) extents.push(extent);
    } catch {
      // It is read again for its shard, which tells the reason.
    }
    tell({ kind: 'example', index });
  }
  if (extents.length === 0) return { kind: 'extent', extent: null };
  const extent = {
    heightMm: Math.max(...extents.map(({ heightMm }) => heightMm)),
    widthMm: Math.max(...extents.map(({ widthMm }) => widthMm)),
    finestSpacingMm: Math.min(...extents.map(({ finestSpacingMm }) => finestSpacingMm)),
  };
  return { kind: 'extent', extent };
}

/** Mean and mean square of values scaled to 0…1. */
function momentsOf(image: Uint16Array): [number, number] {
  let sum = 0;
  let squares = 0;
  for (const value of image) {
    sum += value;
    squares += value * value;
  }
  return [sum / image.length / scale, squares / image.length / scale ** 2];
}

function countsOf(mask: Uint8Array, classes: number): number[] {
  const counts = Array.from({ length: classes }, () => 0);
  for (const value of mask) if (value < classes) counts[value]! += 1;
  return counts;
}

/** What a person may hear: messages of our own, never a path or a value. */
function reasonOf(error: unknown): string {
  if (error instanceof Fault) return error.message;
  if ((error as { code?: unknown } | null)?.code === 'ENOENT') return 'The file of an image is gone.';
  return 'the image is not well formed.';
}
