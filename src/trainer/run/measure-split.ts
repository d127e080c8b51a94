// One measurement of a run: after an epoch on the validation split, at the end on the test split. It goes on from what an
// earlier process had measured of it, so that a kill in a long one costs no more than a kill in a training.
import { createHash } from 'node:crypto';
import type { Metrics, OperatingPoint } from '../../contract/metrics.ts';
import type { SplitName } from '../../contract/training.ts';
import type { TrainingSession } from '../engines/engine.ts';
import { metricsTally } from '../metrics/tally.ts';
import type { BatchSource } from './batches.ts';
import type { RunFolder } from './checkpoint.ts';
import type { DatasetFile } from './dataset-file.ts';
import { measureExamples } from './measure-examples.ts';
import type { ProgressReporter } from './progress.ts';
import type { RunControl } from './run-control.ts';
import type { WorkAtStake } from './work-at-stake.ts';

export interface SplitMeasurement {
  readonly split: SplitName;
  readonly examples: Int32Array;
  readonly operatingPoint: OperatingPoint | null;
  readonly session: TrainingSession;
  readonly dataset: DatasetFile;
  readonly batches: BatchSource;
  readonly batchSize: number;
  readonly idleShare: number;
  readonly clock: () => number;
  readonly folder: RunFolder;
  readonly atStake: WorkAtStake;
  readonly control: RunControl;
  readonly progress: ProgressReporter;
  /** What training has to keep before the first of the measurement is kept: the weights that are measured. */
  readonly keepTraining: () => void;
}

/**
 * Null where it was stopped on the way; what was measured until then is kept.
 * @param onKeep is given what keeps the measurement as far as it has come, for pauses in the middle of it
 */
export async function measureSplit(
  measurement: SplitMeasurement,
  onKeep: (keep: () => void) => void,
): Promise<Metrics | null> {
  const { split, examples, operatingPoint, session, dataset, folder, atStake, progress, keepTraining } = measurement;
  const tally = metricsTally({ ...dataset.header, examples: examples.length, operatingPoint });
  let name: string | null = null;
  /** Of what it is a measurement: the weights are hashed only where something is kept. */
  const of = (): string => {
    if (name !== null) return name;
    const hash = createHash('sha256').update(split);
    for (const values of session.weights().values()) hash.update(values);
    return (name = hash.digest('hex'));
  };
  const earlier = folder.readMeasured(of);
  if (earlier !== null) tally.restore(earlier);
  let isTrainingKept = false;
  let kept = tally.added;
  const keep = (): void => {
    if (!isTrainingKept) keepTraining();
    isTrainingKept = true;
    if (tally.added === kept) return;
    folder.saveMeasured(of(), tally.state());
    kept = tally.added;
  };
  onKeep(keep);
  let slowestMs = 0;
  const isDone = await measureExamples({
    ...measurement,
    tally,
    onBatch(added, milliseconds) {
      slowestMs = Math.max(slowestMs, milliseconds);
      progress.measuredSoFar({ images: added, of: examples.length });
      if (atStake.isDue(slowestMs)) atStake.keep(keep);
    },
  });
  if (!isDone) atStake.keep(keep);
  return isDone ? tally.metrics() : null;
}
