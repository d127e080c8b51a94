// Predictions of a list of examples, batch by batch, each measured as it comes: nothing grows with the images but what
// the tally keeps. Between two batches it obeys every order that a training obeys between two steps.
import type { Predictor } from '../engines/engine.ts';
import { notFinite } from '../faults.ts';
import type { MetricsTally } from '../metrics/tally.ts';
import { type BatchSource, labelsPerImage } from './batches.ts';
import type { DatasetFile } from './dataset-file.ts';
import { restAfter, type RunControl } from './run-control.ts';

/**
 * Predicts the examples (volume by volume where their places are known) and adds those to the tally that it has not; false when
 * stopped on the way, with a tally from which the same call goes on.
 * @param onBatch hears after each batch how many are in the tally, and how long the batch took, rest included
 * @throws Fault 354 when the network's outputs are not finite.
 */
export async function measureExamples({
  session,
  dataset,
  batches,
  batchSize,
  examples: asked,
  tally,
  control,
  idleShare = 0,
  clock = () => performance.now(),
  onBatch,
}: {
  session: Pick<Predictor, 'predict'>;
  dataset: DatasetFile;
  batches: BatchSource;
  batchSize: number;
  examples: Int32Array;
  tally: MetricsTally;
  control: RunControl;
  /** The job's own, whatever the control says. */
  idleShare?: number;
  clock?: () => number;
  onBatch?: (added: number, milliseconds: number) => void;
}): Promise<boolean> {
  const labelLength = labelsPerImage(dataset.header);
  // Distances are measured in whole volumes: their slices come one after the other.
  const inVolumes = dataset.inVolumes(asked);
  const examples = inVolumes ?? asked;
  for (let start = tally.added; start < examples.length; start += batchSize) {
    await control.turn();
    if (control.isStopped) return false;
    const begunAt = clock();
    const { images, labels, count } = batches.batchAt(examples, start, null);
    const probabilities = await session.predict(images.subarray(0, (images.length / batchSize) * count), count);
    if (!probabilities.every(Number.isFinite)) throw notFinite('an output of the network', 'while predicting');
    const chosen = examples.subarray(start, start + count);
    const patients = chosen.map((example) => dataset.patients[example]!);
    const own = inVolumes && dataset.placesOf(chosen);
    tally.add({ probabilities, labels: labels.subarray(0, count * labelLength), patients, places: own });
    await restAfter(clock() - begunAt, idleShare, control);
    onBatch?.(tally.added, clock() - begunAt);
  }
  return true;
}
