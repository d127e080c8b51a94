// Whether other machines can use what an invite leads to.
import { isLoopback, parseInvite } from '../protocol/invite-link.ts';

/** What to tell a coordinator of a hub's address that no other machine can use; null for any other. */
export function ownMachineOnly(url: string): string | null {
  if (!isLoopback(new URL(url))) return null;
  return `Invites lead to ${url}, which only this machine can reach: for sites elsewhere start the hub with --public-url wss://… (docs/hub.md).`;
}

/** The same of an invite. @throws Fault 412 when it is none. */
export function inviteForOwnMachineOnly(link: string): string | null {
  return ownMachineOnly(parseInvite(link).url);
}
