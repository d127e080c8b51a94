// A run whose loss exploded has taught nothing, though it ends like any other: its reader should know.
import type { Task } from '../../contract/network.ts';
import type { Epoch } from '../../contract/training.ts';

/** Against what guessing costs. */
const farAbove = 3;
/** Of several labels, where a positive may be weighed 20 times; everywhere else the weights are shares of 1. */
const farAboveOfLabels = 20;

/**
 * One line where the last epoch's mean loss is far above what guessing costs; null otherwise.
 * @param classes at least 1
 */
export function divergenceNote(
  epochs: readonly Pick<Epoch, 'loss'>[],
  { task, classes }: { readonly task: Task; readonly classes: number },
): string | null {
  const last = epochs.at(-1)?.loss;
  // Cross-entropy of a guess among all classes, and at most 1 for Dice.
  const guessing = 1 + Math.log(Math.max(2, classes));
  const limit = guessing * (task === 'multi-label' ? farAboveOfLabels : farAbove);
  if (last === undefined || last <= limit) return null;
  return `The loss ended at ${last.toPrecision(3)}, far above that of guessing: the network learned nothing. The learning rate is probably too high; train again with a smaller one.`;
}
