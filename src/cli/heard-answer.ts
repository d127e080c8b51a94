// An answer to a project is signed and kept at once; the hub hears it a moment later.
import { setTimeout as delay } from 'node:timers/promises';
import type { Membership } from '../contract/federation.ts';
import { lookMs } from './announced-project.ts';

const pollMs = 50;

/** The membership once the hub has heard its answer; as it is where no hub is connected, or after a moment. */
export async function heardAnswer(
  memberships: () => Promise<{ memberships: Membership[] }>,
  answered: Membership,
  withinMs = lookMs,
): Promise<Membership> {
  const end = Date.now() + withinMs;
  let now = answered;
  while (now.answer?.isHeard === false && now.state === 'online' && Date.now() < end) {
    await delay(pollMs);
    now = (await memberships()).memberships.find(({ federation }) => federation === answered.federation) ?? answered;
  }
  return now;
}
