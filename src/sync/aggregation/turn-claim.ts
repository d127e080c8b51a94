// When a turn of the one model is taken over from whoever says that it was made. Nobody can prove that those before it in the order were
// away, so a site believes it no sooner than the order would have let an honest one make it.
import { successionOf, type TurnMade } from './succession.ts';

export interface TurnClaim extends TurnMade {
  /** The turn before it, which it was made from, is known here, and another member made that one. */
  readonly followsAnother: boolean;
}

/**
 * How long after this site's own last turn it takes over a claimed one: the author's place in each turn's order that rests on its word alone
 * times `patienceMs`. Null: never, for its author is not one who may make it.
 * @param here the turn that this site is at.
 * @param rule.places members, from the first of the order on, who may make a turn.
 */
export function believedAfterMs(
  claim: TurnClaim,
  here: number,
  rule: {
    readonly roster: readonly string[];
    readonly seed: number;
    readonly patienceMs: number;
    readonly places: number;
    readonly turns: number;
  },
): number | null {
  const placeIn = (turn: number): number => successionOf(rule.roster, turn - 1, rule.seed).indexOf(claim.by);
  const place = placeIn(claim.turn);
  if (claim.turn > rule.turns || place < 0 || place >= rule.places) return null;
  // Of two models of the turn that it is at, the order alone says which stands.
  if (claim.turn <= here) return 0;
  let places = place;
  // Turns that it would have made one after the other, with nobody else there.
  if (!claim.followsAnother) for (let turn = here + 1; turn < claim.turn; turn += 1) places += placeIn(turn);
  return places * rule.patienceMs;
}
