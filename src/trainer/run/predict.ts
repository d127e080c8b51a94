// Probabilities of a list of examples, batch by batch.
import type { TrainingSession } from '../engines/engine.ts';
import { notFinite } from '../faults.ts';
import type { BatchSource } from './batches.ts';
import type { RunControl } from './run-control.ts';

/**
 * Row-major [examples, classes] in the order given; null when stopped on the way.
 * @throws Fault 354 when the network's outputs are not finite.
 */
export async function predictExamples({
  session,
  batches,
  batchSize,
  examples,
  classes,
  control,
}: {
  session: TrainingSession;
  batches: BatchSource;
  batchSize: number;
  examples: Int32Array;
  classes: number;
  control: RunControl;
}): Promise<Float32Array<ArrayBuffer> | null> {
  const probabilities = new Float32Array(examples.length * classes);
  for (let start = 0; start < examples.length; start += batchSize) {
    await control.turn();
    if (control.isStopped) return null;
    const { images, count } = batches.batchAt(examples, start, null);
    const values = await session.predict(images.subarray(0, (images.length / batchSize) * count), count);
    probabilities.set(values, start * classes);
  }
  if (!probabilities.every(Number.isFinite)) throw notFinite('an output of the network', 'while predicting');
  return probabilities;
}
