// Batches made by a thread of their own, ahead of the engine, so that it never waits for images. Until the thread is there, and
// should it be lost, they are made here: the same batches, bit for bit.
import { Worker } from 'node:worker_threads';
import { Fault, type FaultValue } from '../../contract/fault.ts';
import { type Batch, type BatchSource, batchSource, labelsPerImage } from './batches.ts';
import type { DatasetFile } from './dataset-file.ts';

/** Buffers that travel between the threads: whoever has them may write. */
export interface TravellingBuffers {
  readonly images: Float32Array<ArrayBuffer>;
  readonly labels: Int32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;
  readonly exampleWeights: Float32Array<ArrayBuffer>;
}

export interface BatchWanted {
  readonly id: number;
  readonly examples: Int32Array;
  readonly epoch: number | null;
  readonly buffers: TravellingBuffers;
}

export interface BatchMade {
  readonly id: number;
  readonly buffers: TravellingBuffers;
  readonly count: number;
  readonly fault: FaultValue | null;
}

export interface PrefetchedBatches {
  /**
   * As `BatchSource.batchAt`; the batches that follow in the same order and epoch are made in advance.
   * @throws the data set's faults (350, 351)
   */
  batchAt(order: Int32Array, start: number, epoch: number | null): Promise<Batch>;
  close(): Promise<void>;
}

/** Batches made beyond the one asked for. */
const ahead = 2;

interface Pending {
  readonly order: Int32Array;
  readonly start: number;
  readonly epoch: number | null;
  made: BatchMade | null;
  wake: () => void;
}

/** @param datasetFile the file of `dataset`, which the thread opens for itself */
export function prefetchedBatches(
  dataset: DatasetFile,
  { datasetFile, batchSize, seed }: { datasetFile: string; batchSize: number; seed: number },
): PrefetchedBatches {
  const here: BatchSource = batchSource(dataset, batchSize, seed);
  const { height, width, channels, task } = dataset.header;
  const labelLength = batchSize * labelsPerImage(dataset.header);
  const newBuffers = (): TravellingBuffers => ({
    images: new Float32Array(batchSize * height * width * channels),
    labels: task === 'classification' ? new Int32Array(labelLength) : new Uint8Array(labelLength),
    exampleWeights: new Float32Array(batchSize),
  });
  const free: TravellingBuffers[] = [];
  /** Given out, the older one first: valid until the next but one is asked for. */
  const given: TravellingBuffers[] = [];
  const pending = new Map<number, Pending>();
  let worker: Worker | null = null;
  let isReady = false;
  let nextId = 0;

  const lose = (): void => {
    isReady = false;
    for (const { wake } of pending.values()) wake();
  };
  const start = (): Worker => {
    const script = new URL('./batch-worker.ts', import.meta.url);
    const started = new Worker(script, { workerData: { datasetFile, batchSize, seed } });
    started.on('message', (made: BatchMade | 'ready') => {
      if (made === 'ready') {
        isReady = true;
        return;
      }
      const waiting = pending.get(made.id);
      if (waiting === undefined) free.push(made.buffers);
      else {
        waiting.made = made;
        waiting.wake();
      }
    });
    started.on('error', lose).on('exit', lose);
    started.unref();
    return started;
  };

  const want = (order: Int32Array, first: number, epoch: number | null): void => {
    const id = nextId;
    nextId += 1;
    pending.set(id, { order, start: first, epoch, made: null, wake: () => {} });
    const buffers = free.pop() ?? newBuffers();
    const wanted: BatchWanted = { id, examples: order.slice(first, first + batchSize), epoch, buffers };
    worker?.postMessage(wanted, [buffers.images.buffer, buffers.labels.buffer, buffers.exampleWeights.buffer]);
  };
  /** What was made in advance and is not asked for any more: another epoch, or a run that began elsewhere. */
  const dropOthers = (order: Int32Array, first: number, epoch: number | null): void => {
    for (const [id, one] of pending) {
      if (one.order === order && one.epoch === epoch && one.start >= first) continue;
      pending.delete(id);
      if (one.made !== null) free.push(one.made.buffers);
    }
  };
  const find = (first: number): [number, Pending] | undefined => [...pending].find(([, one]) => one.start === first);

  return {
    async batchAt(order, first, epoch) {
      worker ??= start();
      while (given.length > 1) free.push(given.shift()!);
      if (!isReady) return here.batchAt(order, first, epoch);
      dropOthers(order, first, epoch);
      for (let step = 0; step <= ahead; step += 1) {
        const at = first + step * batchSize;
        if (at < order.length && find(at) === undefined) want(order, at, epoch);
      }
      const [id, one] = find(first)!;
      worker.ref();
      // Woken when it is made, or when the thread is lost.
      if (one.made === null) await new Promise<void>((resolve) => (one.wake = resolve));
      worker.unref();
      pending.delete(id);
      if (one.made === null) return here.batchAt(order, first, epoch);
      const { buffers, count, fault } = one.made;
      given.push(buffers);
      if (fault !== null) throw new Fault(fault);
      return { ...buffers, count };
    },
    async close() {
      const ending = worker;
      worker = null;
      lose();
      await ending?.terminate();
    },
  };
}
