// The thread that makes batches ahead of the engine.
import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { faultValueOf } from '../../contract/fault.ts';
import { batchFiller } from './batches.ts';
import { openDatasetFile } from './dataset-file.ts';
import type { BatchMade, BatchWanted } from './prefetched-batches.ts';

const { datasetFile, batchSize, seed } = z
  .object({ datasetFile: z.string(), batchSize: z.number().int(), seed: z.number().int() })
  .parse(workerData);
const dataset = openDatasetFile(datasetFile);
const fill = batchFiller(dataset, batchSize, seed);

parentPort?.on('message', ({ id, examples, epoch, buffers }: BatchWanted) => {
  let made: BatchMade;
  try {
    made = { id, buffers, count: fill(buffers, examples, epoch), fault: null };
  } catch (error) {
    made = { id, buffers, count: 0, fault: faultValueOf(error) };
  }
  const { images, labels, exampleWeights } = buffers;
  parentPort?.postMessage(made, [images.buffer, labels.buffer, exampleWeights.buffer]);
});
parentPort?.postMessage('ready', []);
