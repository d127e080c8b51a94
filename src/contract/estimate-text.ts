// How an interval is written, in the window and on the command line.
import type { Estimate } from './metrics.ts';

/** The upper end of an interval that nothing bounds: JSON has no infinity. */
export const unbounded = Number.MAX_VALUE;

/** Both ends in `words`; “no bound” where there is none, as with a single patient. */
export function intervalEnds(
  { low, high }: NonNullable<Estimate>,
  words: (value: number) => string,
): readonly [string, string] {
  return [words(low), high === unbounded ? 'no bound' : words(high)];
}
