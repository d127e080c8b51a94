// How the trunk does at a site, in a few characters.
import type { ConsoleMember } from '../contract/console.ts';
import { ratio } from '../renderer/ui/format.ts';

/** `AUC 0.912`, of masks `Dice 0.912`; where a site has neither, its accuracy, else its loss. */
export function validationWords({
  auc,
  accuracy,
  dice = null,
  loss,
}: NonNullable<ConsoleMember['validation']>): string {
  if (dice !== null) return `Dice ${ratio(dice)}`;
  if (auc !== null) return `AUC ${ratio(auc)}`;
  return accuracy === null ? `loss ${loss.toFixed(3)}` : `accuracy ${ratio(accuracy)}`;
}
