// Batches as the engine takes them. The last batch of an epoch is filled up with examples of weight 0.
import { augmentationFor, normalise } from './augmentation.ts';
import type { DatasetFile } from './dataset-file.ts';
import { randomStream } from './random.ts';

export interface Batch {
  /** NHWC, normalised. */
  readonly images: Float32Array;
  readonly labels: Int32Array;
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

/** Makes batches of a data set; the changes of an image depend on (seed, epoch, example) alone, not on its place. */
export function batchSource(dataset: DatasetFile, batchSize: number, seed: number): BatchSource {
  const { height, width, channels } = dataset.header;
  const imageLength = height * width * channels;
  const augmentation = augmentationFor(dataset.header, seed);
  const stored = new Uint16Array(imageLength);
  const buffers = [0, 1].map(() => ({
    images: new Float32Array(batchSize * imageLength),
    labels: new Int32Array(batchSize),
    exampleWeights: new Float32Array(batchSize),
  }));
  let turn = 0;
  return {
    batchAt(order, start, epoch) {
      const { images, labels, exampleWeights } = buffers[turn]!;
      turn = 1 - turn;
      const count = Math.min(batchSize, order.length - start);
      for (let place = 0; place < count; place += 1) {
        const example = order[start + place]!;
        const out = images.subarray(place * imageLength, (place + 1) * imageLength);
        dataset.readImage(example, stored);
        if (epoch === null) normalise(stored, out, dataset.header);
        else augmentation.apply(stored, out, randomStream(seed, epoch, example, 0x61756774));
        labels[place] = dataset.labels[example]!;
      }
      // Filling is copies of real images, not zeros: batch statistics must not see images that cannot occur.
      for (let place = count; place < batchSize; place += 1) {
        const copied = (place - count) % count;
        images.copyWithin(place * imageLength, copied * imageLength, (copied + 1) * imageLength);
        labels[place] = labels[copied]!;
      }
      exampleWeights.fill(1, 0, count).fill(0, count);
      return { images, labels, exampleWeights, count };
    },
  };
}

/** Weight of each class by the inverse of its frequency; the mean over the examples is 1, absent classes get 1. */
export function balancedClassWeights(labels: Int32Array, examples: Int32Array, classes: number): number[] {
  const counts = new Float64Array(classes);
  for (const example of examples) counts[labels[example]!]! += 1;
  const present = counts.reduce((total, count) => total + (count > 0 ? 1 : 0), 0);
  return Array.from(counts, (count) => (count > 0 ? examples.length / (present * count) : 1));
}
