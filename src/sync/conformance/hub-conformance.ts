// The conformance kit for a hub of any make: what docs/protocol.md asks of it, as far as one or two members can see it from outside.
import { parseInvite } from '../protocol/invite-link.ts';
import { benchChecks } from './bench-checks.ts';
import { blobChecks } from './blob-checks.ts';
import { type CheckOutcome, runChecks } from './check.ts';
import { handshakeChecks } from './handshake-checks.ts';
import { hubUnderTest, testSite } from './hub-under-test.ts';
import { maskingChecks } from './masking-checks.ts';
import { lastCheck, messageChecks } from './message-checks.ts';
import { projectChecks } from './project-checks.ts';

export type { CheckOutcome } from './check.ts';

/**
 * Joins by the invite as a new device, tries each check, and leaves. Nothing is sent that a hub which conforms would count.
 * @param invites `imagiq://join/…`, unused. By the second another device joins, for what passes between two members.
 * @throws Fault 412 where one is no invite
 */
export async function hubConformance(
  invites: readonly [string, string?],
  onOutcome: (outcome: CheckOutcome) => void,
): Promise<readonly CheckOutcome[]> {
  const [first, other] = invites;
  const second = other === undefined ? null : hubUnderTest(parseInvite(other), null, `${testSite} 2`);
  const checks = [
    ...handshakeChecks,
    ...messageChecks,
    ...blobChecks,
    ...projectChecks,
    ...benchChecks,
    ...maskingChecks,
    lastCheck,
  ];
  try {
    return await runChecks(checks, hubUnderTest(parseInvite(first), second), onOutcome);
  } finally {
    // A hub that does not let it leave was found out by the last check already.
    await second?.leave().catch(() => {});
  }
}
