import { mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { batchSource, type Batch } from '../../../../src/trainer/run/batches.ts';
import { type DatasetFile, openDatasetFile } from '../../../../src/trainer/run/dataset-file.ts';
import { type PrefetchedBatches, prefetchedBatches } from '../../../../src/trainer/run/prefetched-batches.ts';
import { shuffled } from '../../../../src/trainer/run/random.ts';
import { stripes, writeDataset } from '../../../integration/trainer/stripes.ts';

const [batchSize, seed] = [8, 3];
let folder: string;
let datasetFile: string;
let dataset: DatasetFile;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'imagiq-prefetch-'));
  datasetFile = path.join(folder, 'stripes');
  writeDataset(datasetFile, stripes({ examples: 60 }));
  dataset = openDatasetFile(datasetFile);
});
afterAll(() => {
  dataset.close();
  rmSync(folder, { recursive: true, force: true });
});

const copy = ({ images, labels, exampleWeights, count }: Batch): object => ({
  images: images.slice(),
  labels: labels.slice(),
  exampleWeights: exampleWeights.slice(),
  count,
});

/** Asks until the thread makes the batches: the buffers that it gives are never those of before. */
async function untilReady(batches: PrefetchedBatches, order: Int32Array): Promise<void> {
  await vi.waitFor(
    async () => {
      const first = await batches.batchAt(order, 0, 0);
      const second = await batches.batchAt(order, 0, 0);
      const third = await batches.batchAt(order, 0, 0);
      // The two buffers of this thread take turns.
      expect(first.images === third.images || first.images === second.images).toBe(false);
    },
    { timeout: 20_000, interval: 20 },
  );
}

describe('batches made in advance', () => {
  it('are those made on the spot, bit for bit, over epochs and from any place', async () => {
    const batches = prefetchedBatches(dataset, { datasetFile, batchSize, seed });
    const examples = dataset.examplesOf('train');
    await untilReady(batches, shuffled(examples, seed, 0));
    const expected = batchSource(dataset, batchSize, seed);
    for (const [epoch, from] of [
      [0, 0],
      [1, 3],
      [2, 0],
    ] as const) {
      const order = shuffled(examples, seed, epoch);
      for (let start = from * batchSize; start < order.length; start += batchSize) {
        expect(copy(await batches.batchAt(order, start, epoch))).toEqual(copy(expected.batchAt(order, start, epoch)));
      }
    }
    const order = shuffled(examples, seed, 0);
    expect(copy(await batches.batchAt(order, 0, null))).toEqual(copy(expected.batchAt(order, 0, null)));
    await batches.close();
  });

  it('stay as they are while the next one is made and used', async () => {
    const batches = prefetchedBatches(dataset, { datasetFile, batchSize, seed });
    const order = dataset.examplesOf('train');
    await untilReady(batches, order);
    const first = await batches.batchAt(order, 0, 0);
    const before = copy(first);
    await batches.batchAt(order, batchSize, 0);
    expect(copy(first)).toEqual(before);
    await batches.close();
  });

  it('tell what is wrong with the data set', async () => {
    const file = path.join(folder, 'cut');
    writeDataset(file, stripes({ examples: 60 }));
    const own = openDatasetFile(file);
    const batches = prefetchedBatches(own, { datasetFile: file, batchSize, seed });
    const order = own.examplesOf('train');
    await untilReady(batches, order);
    truncateSync(file, 2_000);
    await expect(batches.batchAt(order, batchSize * 3, 1)).rejects.toMatchObject({ code: 350 });
    await batches.close();
    own.close();
  });
});
