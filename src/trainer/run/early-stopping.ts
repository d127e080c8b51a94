// Early stopping: when the validation loss has not fallen for some epochs, more of them teach nothing.
import type { Epoch } from '../../contract/training.ts';

/** The epoch with the lowest validation loss, the first of equals; null when none was validated. */
export function bestEpoch(epochs: readonly Epoch[]): number | null {
  let best: { epoch: number; loss: number } | null = null;
  for (const { epoch, validation } of epochs) {
    if (validation !== null && (best === null || validation.loss < best.loss)) best = { epoch, loss: validation.loss };
  }
  return best?.epoch ?? null;
}

/** Whether the last `patience` epochs brought no lower validation loss. Never with patience 0 or without validation. */
export function isOutOfPatience(epochs: readonly Epoch[], patience: number): boolean {
  const best = bestEpoch(epochs);
  return patience > 0 && best !== null && epochs.length - best >= patience;
}
