import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { augmentationFor, normalise } from '../../../../src/trainer/run/augmentation.ts';
import { batchSource } from '../../../../src/trainer/run/batches.ts';
import { type DatasetFile, openDatasetFile } from '../../../../src/trainer/run/dataset-file.ts';
import { randomStream } from '../../../../src/trainer/run/random.ts';
import { stripes, writeDataset } from '../../../integration/trainer/stripes.ts';

const imageLength = 16 * 16;
let folder: string;
let dataset: DatasetFile;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'imagiq-batches-'));
  writeDataset(path.join(folder, 'stripes'), stripes({ examples: 36 }));
  dataset = openDatasetFile(path.join(folder, 'stripes'));
});
afterAll(() => {
  dataset.close();
  rmSync(folder, { recursive: true, force: true });
});

const imageOf = (images: Float32Array, place: number): Float32Array =>
  images.slice(place * imageLength, (place + 1) * imageLength);

describe('a data set file', () => {
  it('reads each image as it was written', () => {
    const written = new Uint16Array(stripes({ examples: 36 }).tensors.get('images')!.bytes.buffer);
    const image = new Uint16Array(imageLength);
    for (const example of [0, 17, 35]) {
      dataset.readImage(example, image);
      expect(image).toEqual(written.slice(example * imageLength, (example + 1) * imageLength));
    }
  });

  it('puts every example in exactly one split', () => {
    const all = (['train', 'validation', 'test'] as const).flatMap((name) => [...dataset.examplesOf(name)]);
    expect(all.sort((a, b) => a - b)).toEqual([...dataset.labels.keys()]);
  });
});

describe('a batch', () => {
  it('is normalised to the training split’s mean and deviation', () => {
    const { images } = batchSource(dataset, 4, 1).batchAt(Int32Array.from([3]), 0, null);
    const stored = new Uint16Array(imageLength);
    dataset.readImage(3, stored);
    const { mean, standardDeviation } = dataset.header;
    expect(images[10]).toBeCloseTo((stored[10]! / 65_535 - mean) / standardDeviation, 5);
  });

  it('that is the last is filled with real images of weight 0', () => {
    const batch = batchSource(dataset, 4, 1).batchAt(Int32Array.from([0, 1, 2, 3, 8, 9]), 4, null);
    expect(batch.count).toBe(2);
    expect([...batch.exampleWeights]).toEqual([1, 1, 0, 0]);
    expect([...batch.labels]).toEqual([0, 1, 0, 1]);
    expect(imageOf(batch.images, 2)).toEqual(imageOf(batch.images, 0));
    expect(imageOf(batch.images, 3)).toEqual(imageOf(batch.images, 1));
  });

  it('stays as it is while the next one is made', () => {
    const source = batchSource(dataset, 2, 1);
    const order = Int32Array.from([0, 1, 2, 3]);
    const first = source.batchAt(order, 0, 0);
    const before = first.images.slice();
    source.batchAt(order, 2, 0);
    expect(first.images).toEqual(before);
  });

  it('changes an image by seed, epoch and example, wherever it is in the batch', () => {
    const at = (seed: number, epoch: number, order: number[], place: number): Float32Array =>
      imageOf(batchSource(dataset, 4, seed).batchAt(Int32Array.from(order), 0, epoch).images, place);
    const image = at(1, 0, [5, 6], 0);
    expect(at(1, 0, [9, 6, 5], 2)).toEqual(image);
    expect(at(1, 1, [5, 6], 0)).not.toEqual(image);
    expect(at(2, 0, [5, 6], 0)).not.toEqual(image);
  });
});

describe('augmentation', () => {
  it('keeps an image’s brightness about the same', () => {
    const augmentation = augmentationFor(dataset.header, 1);
    const stored = new Uint16Array(imageLength);
    dataset.readImage(0, stored);
    const plain = new Float32Array(imageLength);
    normalise(stored, plain, dataset.header);
    const changed = new Float32Array(imageLength);
    const mean = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    const random = randomStream(3);
    for (let repeat = 0; repeat < 50; repeat += 1) {
      augmentation.apply(stored, changed, random);
      expect(changed.every(Number.isFinite)).toBe(true);
      expect(Math.abs(mean(changed) - mean(plain))).toBeLessThan(0.6);
    }
  });

  it('mirrors about half of the images', () => {
    // A ramp from left to right shows which way an image looks.
    const header = { ...dataset.header, mean: 0, standardDeviation: 1 };
    const ramp = Uint16Array.from({ length: imageLength }, (_, index) => (index % 16) * 4_000);
    const changed = new Float32Array(imageLength);
    const augmentation = augmentationFor(header, 1);
    const random = randomStream(9);
    let mirrored = 0;
    for (let repeat = 0; repeat < 400; repeat += 1) {
      augmentation.apply(ramp, changed, random);
      if (changed[8 * 16]! > changed[8 * 16 + 15]!) mirrored += 1;
    }
    expect(Math.abs(mirrored - 200)).toBeLessThan(50);
  });
});
