// Whose turn it is, without a vote: everyone works the same order out from the roster and the turn. Who comes later in the order steps
// in when those before it are away; of two who both did, all take the one that comes first.

/** All members in the order in which they may take this turn: the sorted roster, begun at another place each turn. */
export function successionOf(roster: readonly string[], turn: number, seed: number): string[] {
  const ring = [...new Set(roster)].sort();
  if (ring.length === 0) return [];
  const first = (turn + seed) % ring.length;
  return [...ring.slice(first), ...ring.slice(0, first)];
}

export interface TurnMade {
  readonly turn: number;
  /** Fingerprint of who made it. */
  readonly by: string;
}

/** Whether `one` stands where both are known: the later turn, and of one turn whoever is earlier in its order. */
export function isAhead(one: TurnMade, other: TurnMade, roster: readonly string[], seed: number): boolean {
  if (one.turn !== other.turn) return one.turn > other.turn;
  const order = successionOf(roster, one.turn, seed);
  // Who is no member any more comes last.
  const placeOf = (by: string): number => (order.includes(by) ? order.indexOf(by) : order.length);
  return placeOf(one.by) < placeOf(other.by);
}
