// Whether other machines can use what an invite leads to.
import { isLoopback, parseInvite } from '../protocol/invite-link.ts';

/** What to tell a coordinator of a hub's address that no other machine can use; null for any other. */
export function ownMachineOnly(url: string): string | null {
  if (!isLoopback(new URL(url))) return null;
  return `Invites lead to ${url}, which only this machine can reach: for sites elsewhere start the hub with --public-url wss://… (docs/hub.md).`;
}

/** What an invite says, for whoever sends it. @throws Fault 412 when it is none. */
export function inviteFacts(link: string): {
  readonly url: string;
  readonly expiresAt: string;
  readonly fingerprint: string;
} {
  const { url, expiresAt, hubFingerprint } = parseInvite(link);
  return { url, expiresAt, fingerprint: hubFingerprint };
}
