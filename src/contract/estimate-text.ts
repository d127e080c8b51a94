// How an interval is written, in the window and on the command line.
import type { Estimate, Metrics } from './metrics.ts';

/** The upper end of an interval that nothing bounds: JSON has no infinity. */
export const unbounded = Number.MAX_VALUE;

/** Both ends in `words`; “no bound” where there is none, as with a single patient. */
export function intervalEnds(
  { low, high }: NonNullable<Estimate>,
  words: (value: number) => string,
): readonly [string, string] {
  return [words(low), high === unbounded ? 'no bound' : words(high)];
}

/** Of how many classes a mean AUC is, where some have none for want of positives or negatives; null where it is of all, or there is none. */
export function aucScope({ auc, perClass }: Pick<Metrics, 'auc' | 'perClass'>): string | null {
  const measured = perClass.filter((one) => one.auc !== null).length;
  return auc === null || measured === perClass.length ? null : `mean of ${measured} of ${perClass.length} classes`;
}

/** Of fewer patients than these the ends are a guess, although stretched: they hang on how the few happen to differ. */
const fewestPatients = 10;

/** What to know of the intervals of so few patients; null of enough. */
export function intervalCaution({ patients }: Pick<Metrics, 'patients'>): string | null {
  if (patients >= fewestPatients) return null;
  return `Of ${patients === 1 ? 'one patient' : `only ${patients} patients`}: the intervals are rough.`;
}
