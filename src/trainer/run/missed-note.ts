// A network that draws masks and finds a class nowhere ends like any other: its reader should know.
import type { Metrics } from '../../contract/metrics.ts';

/**
 * One line where masks of the images kept out of training have nothing right of a class; null otherwise.
 * @param steps that the network was trained
 */
export function missedNote(metrics: Pick<Metrics, 'task' | 'perClass'> | null, steps: number): string | null {
  if (metrics?.task !== 'segmentation') return null;
  const missed = metrics.perClass.filter(({ dice }) => dice === 0).map(({ name }) => `“${name}”`);
  if (missed.length === 0) return null;
  return `The network finds nothing of ${missed.join(', ')} after ${steps} steps: it may only need more of them. Train it for more epochs, or with smaller batches.`;
}
