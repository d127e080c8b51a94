// What a command that only looks shows of memberships: a station that was opened for it has not heard from its hubs yet.
import { setTimeout as delay } from 'node:timers/promises';
import type { Membership } from '../contract/federation.ts';

/** Longer no hub is waited for: what is not known then is shown as that. */
const longestMs = 2_000;
const pollMs = 50;

/** The memberships once each hub has said who is online, or does not answer. */
export async function settledMemberships(
  memberships: () => Promise<{ memberships: Membership[] }>,
  withinMs = longestMs,
): Promise<Membership[]> {
  const end = Date.now() + withinMs;
  for (;;) {
    const { memberships: all } = await memberships();
    if (all.every(isSettled) || Date.now() >= end) return all;
    await delay(pollMs);
  }
}

/** The same of one that another command has just made or changed. */
export async function settledMembership(
  memberships: () => Promise<{ memberships: Membership[] }>,
  changed: Membership,
): Promise<Membership> {
  const all = await settledMemberships(memberships);
  return all.find(({ federation }) => federation === changed.federation) ?? changed;
}

function isSettled({ state, reason, members }: Membership): boolean {
  if (state === 'connecting' || state === 'enrolling') return false;
  // A hub that has not heard that this site left is told meanwhile.
  if (state === 'left') return reason === null;
  const isAway = state === 'offline' || state === 'refused';
  // A site is among the members itself.
  return isAway || (members.length > 0 && members.every(({ online }) => online !== null));
}
