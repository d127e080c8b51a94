// Which losses a task can be trained by: known without the engine that computes them.
import type { Task } from '../../contract/network.ts';
import type { HyperParameters, lossNames } from '../../contract/training.ts';
import { lossOfOtherTask } from './faults.ts';

type LossName = Exclude<(typeof lossNames)[number], 'auto'>;

const lossesOf: Record<Task, readonly LossName[]> = {
  classification: ['cross-entropy', 'focal'],
  'multi-label': ['binary-cross-entropy', 'focal'],
  segmentation: ['dice-cross-entropy', 'cross-entropy', 'focal', 'binary-cross-entropy'],
};

/** The loss that a task is trained by. @throws Fault 304 when the one asked for is not for this task. */
export function lossOf(task: Task, asked: HyperParameters['loss']): LossName {
  const known = lossesOf[task];
  if (asked === 'auto') return known[0]!;
  if (!known.includes(asked)) throw lossOfOtherTask(asked, task, known);
  return asked;
}
