// How often a member may make the hub write something down: each entry of the ledger stays for good, and a member could cause any number.
const windowMs = 10 * 60_000;

/** Most within ten minutes, of each member. An honest site stays far below. */
export const memberRates = {
  /** Blobs that it fetches: each is an entry of what left. */
  fetches: 3_000,
  /** Answers to projects that are other than the one before. */
  answers: 60,
  /** Heads of ledgers: one that contradicts an earlier one is an entry. */
  exchanges: 200,
  /** Refusals of its updates that are entered; it is told of the others all the same. */
  refusals: 200,
} as const;

/** @returns whether a member may once more, which counts. */
export function openMemberRate(most: number, clock: () => number): (member: string) => boolean {
  const counts = new Map<string, { since: number; count: number }>();
  return (member) => {
    const now = clock();
    const known = counts.get(member);
    // A clock that was set back begins a new window too.
    const isCurrent = known !== undefined && now >= known.since && now - known.since < windowMs;
    const current = isCurrent ? known : { since: now, count: 0 };
    counts.set(member, current);
    current.count += 1;
    return current.count <= most;
  };
}
