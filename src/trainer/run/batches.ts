// Batches as the engine takes them. The last batch of an epoch is filled up with examples of weight 0.
import type { DatasetHeader } from '../../contract/dataset.ts';
import { augmentationFor, normalise } from './augmentation.ts';
import type { DatasetFile } from './dataset-file.ts';
import { randomStream } from './random.ts';

export interface Batch {
  /** NHWC, normalised. */
  readonly images: Float32Array;
  /**
   * Classification: class of each image, [batch]. Multi-label: 0 or 1, [batch, classes]. Segmentation: class of each pixel or 255
   * where it is not labelled, [batch, H, W].
   */
  readonly labels: Int32Array | Uint8Array;
  /** 1 for an example, 0 for filling. */
  readonly exampleWeights: Float32Array;
  /** Examples without the filling. */
  readonly count: number;
}

export interface BatchSource {
  /**
   * The examples `order[start … start + batchSize)`. A batch stays valid until the next but one is made: two sets of
   * buffers take turns, so that one batch can be made while the engine reads the other.
   * @param epoch the epoch that the random changes belong to; null leaves the images as they are.
   */
  batchAt(order: Int32Array, start: number, epoch: number | null): Batch;
}

/** Where a batch is written. */
export interface BatchBuffers {
  readonly images: Float32Array;
  readonly labels: Int32Array | Uint8Array;
  readonly exampleWeights: Float32Array;
}

/** How many values of `Batch.labels` belong to one image. */
export function labelsPerImage({ task, classes, height, width }: DatasetHeader): number {
  if (task === 'classification') return 1;
  return task === 'multi-label' ? classes.length : height * width;
}

/** Makes batches of a data set; the changes of an image depend on (seed, epoch, example) alone, not on its place. */
export function batchSource(dataset: DatasetFile, batchSize: number, seed: number): BatchSource {
  const { height, width, channels, task } = dataset.header;
  const labelLength = batchSize * labelsPerImage(dataset.header);
  const fill = batchFiller(dataset, batchSize, seed);
  const buffers = [0, 1].map(() => ({
    images: new Float32Array(batchSize * height * width * channels),
    labels: task === 'classification' ? new Int32Array(labelLength) : new Uint8Array(labelLength),
    exampleWeights: new Float32Array(batchSize),
  }));
  let turn = 0;
  return {
    batchAt(order, start, epoch) {
      const into = buffers[turn]!;
      turn = 1 - turn;
      return { ...into, count: fill(into, order.subarray(start, start + batchSize), epoch) };
    },
  };
}

/** Writes the batch of these examples, at most `batchSize` of them, and returns how many they are. */
export function batchFiller(
  dataset: DatasetFile,
  batchSize: number,
  seed: number,
): (into: BatchBuffers, examples: Int32Array, epoch: number | null) => number {
  const { height, width, channels, task } = dataset.header;
  const imageLength = height * width * channels;
  const labelLength = labelsPerImage(dataset.header);
  const augmentation = augmentationFor(dataset.header, seed);
  const stored = new Uint16Array(imageLength);
  const storedMask = new Uint8Array(task === 'segmentation' ? height * width : 0);
  return ({ images, labels, exampleWeights }, examples, epoch) => {
    const count = examples.length;
    for (let place = 0; place < count; place += 1) {
      const example = examples[place]!;
      const out = images.subarray(place * imageLength, (place + 1) * imageLength);
      dataset.readImage(example, stored);
      const random = epoch === null ? null : randomStream(seed, epoch, example, 0x61756774);
      if (task === 'segmentation') {
        const mask = labels.subarray(place * labelLength, (place + 1) * labelLength) as Uint8Array;
        dataset.readMask(example, storedMask);
        if (random === null) mask.set(storedMask);
        else augmentation.apply(stored, out, random, { stored: storedMask, out: mask });
      } else {
        labels.set(dataset.labels.subarray(example * labelLength, (example + 1) * labelLength), place * labelLength);
        if (random !== null) augmentation.apply(stored, out, random);
      }
      if (random === null) normalise(stored, out, dataset.header);
    }
    // Filling is copies of real images, not zeros: batch statistics must not see images that cannot occur.
    for (let place = count; place < batchSize; place += 1) {
      const copied = (place - count) % count;
      images.copyWithin(place * imageLength, copied * imageLength, (copied + 1) * imageLength);
      labels.copyWithin(place * labelLength, copied * labelLength, (copied + 1) * labelLength);
    }
    exampleWeights.fill(1, 0, count).fill(0, count);
    return count;
  };
}
