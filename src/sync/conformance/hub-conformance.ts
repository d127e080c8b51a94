// The conformance kit for a hub of any make: what docs/protocol.md asks of it, as far as one member can see it from outside.
import { parseInvite } from '../protocol/invite-link.ts';
import { blobChecks } from './blob-checks.ts';
import { type CheckOutcome, runChecks } from './check.ts';
import { handshakeChecks } from './handshake-checks.ts';
import { hubUnderTest } from './hub-under-test.ts';
import { lastCheck, messageChecks } from './message-checks.ts';
import { projectChecks } from './project-checks.ts';

export type { CheckOutcome } from './check.ts';

/**
 * Joins by the invite as a new device, tries each check, and leaves. Nothing is sent that a hub which conforms would count.
 * @param invite `imagiq://join/…`, unused
 * @throws Fault 412 where it is no invite
 */
export async function hubConformance(
  invite: string,
  onOutcome: (outcome: CheckOutcome) => void,
): Promise<readonly CheckOutcome[]> {
  const checks = [...handshakeChecks, ...messageChecks, ...blobChecks, ...projectChecks, lastCheck];
  return runChecks(checks, hubUnderTest(parseInvite(invite)), onOutcome);
}
