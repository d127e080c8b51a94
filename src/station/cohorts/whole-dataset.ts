// Work on a data set whose shards may have been damaged on the disk since they were written: they are made anew from the images.
import { Fault } from '../../contract/fault.ts';
import { shardDamagedCode } from '../../trainer/client.ts';
import type { Dataset, DatasetOptions } from './build-dataset.ts';
import type { Cohorts } from './cohorts.ts';

/**
 * Builds the data set, or finds it, and does `work` with it; where the trainer finds a shard damaged it is mended, and the work done
 * once more. A second damage is the disk's, and thrown.
 */
export async function onWholeDataset<Value>(
  cohorts: Pick<Cohorts, 'buildDataset' | 'doubtDatasets'>,
  name: string,
  options: DatasetOptions,
  work: (dataset: Dataset) => Promise<Value>,
): Promise<Value> {
  try {
    return await work(await cohorts.buildDataset(name, options));
  } catch (error) {
    if (!isShardDamage(error)) throw error;
    cohorts.doubtDatasets();
    return work(await cohorts.buildDataset(name, options));
  }
}

/** Whether the trainer found a shard that is not as it was written: the next build is to doubt them all. */
export function isShardDamage(error: unknown): boolean {
  return error instanceof Fault && error.code === shardDamagedCode;
}
