import type { Metrics } from '../../contract/metrics.ts';
import { ratio } from '../ui/format.ts';

/** The one figure that a result is told by: `Dice 0.812`, `AUC 0.934`, or the accuracy where a class is missing for an AUC. */
export function resultOf({ task, dice, auc, accuracy }: Pick<Metrics, 'task' | 'dice' | 'auc' | 'accuracy'>): string {
  if (task === 'segmentation') return `Dice ${ratio(dice?.value)}`;
  return auc === null ? `accuracy ${ratio(accuracy?.value)}` : `AUC ${ratio(auc.value)}`;
}
