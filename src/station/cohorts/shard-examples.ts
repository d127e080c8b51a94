// What a thread is told of the images of one shard: their files, the slices that lie around them, and their masks.
import { createHmac } from 'node:crypto';
import type { Cohort } from '../../contract/cohort.ts';
import type { Preprocessing } from '../../contract/preprocessing.ts';
import type { CohortItem } from './cohort-items.ts';
import type { LibraryForCohorts } from './cohort-library.ts';
import type { PlannedShard } from './shard-plan.ts';
import type { ExampleTask, FramePlace, ShardTask } from './shard-task.ts';

interface ShardSource {
  readonly cohort: Pick<Cohort, 'task'>;
  readonly library: LibraryForCohorts;
  readonly pseudonymKey: Uint8Array;
}

export function shardTask(
  { recipe, items }: PlannedShard,
  folder: string,
  classes: number,
  chain: Preprocessing,
  { library, cohort, pseudonymKey }: ShardSource,
): ShardTask {
  const paths = new Map<string, string>();
  const pathOf = (uid: string): string => {
    const known = paths.get(uid) ?? library.instanceFile(uid)?.path ?? '';
    paths.set(uid, known);
    return known;
  };
  // One list for all slices of a volume: a message to a thread holds it once.
  const stacks = new Map<string, readonly FramePlace[]>();
  const stackOf = ({ sopInstanceUID, frames }: CohortItem): readonly FramePlace[] | null => {
    if (cohort.task !== 'segmentation' || frames > 1) return null;
    const stack = library.stack(sopInstanceUID).map(({ path: place }) => ({ path: place, frame: 1 }));
    const own = pathOf(sopInstanceUID);
    if (!stack.some((one) => one.path === own)) return [{ path: own, frame: 1 }];
    const name = `${stack[0]?.path} ${stack.length}`;
    const known = stacks.get(name) ?? stack;
    stacks.set(name, known);
    return known;
  };
  const placedIn = (item: CohortItem): Pick<ExampleTask, 'stack' | 'volume'> => {
    const stack = stackOf(item);
    if (cohort.task !== 'segmentation') return { stack };
    // A volume is a file of several frames, or the slices that lie with this one.
    const name = `volume/${stack === null ? pathOf(item.sopInstanceUID) : stack[0]?.path}`;
    const digest = createHmac('sha256', pseudonymKey).update(name).digest();
    return { stack, volume: [digest.readInt32LE(0), digest.readInt32LE(4)] };
  };
  const examples = items.map((item): ExampleTask => ({
    sopInstanceUID: item.sopInstanceUID,
    path: pathOf(item.sopInstanceUID),
    frame: item.frame,
    ...placedIn(item),
    masks: item.masks.map((mask) => ({ path: pathOf(mask.sopInstanceUID), classes: mask.classes })),
  }));
  return { folder, recipe, task: cohort.task, classes, chain, examples, skipped: [] };
}
