// The address that invites carry where a proxy stands before the hub.
import { formatInvite, parseInvite } from '../protocol/invite-link.ts';
import { hubFault } from './faults.ts';

/** An invite must lead back here: tried with one before any is given out. @throws Fault 526 */
export function checkPublicUrl(url: string): void {
  const expiresAt = new Date(0).toISOString();
  try {
    parseInvite(
      formatInvite({
        version: 1,
        url,
        code: 'x'.repeat(43),
        hubFingerprint: '0'.repeat(64),
        federation: '',
        expiresAt,
      }),
    );
  } catch {
    throw hubFault.badPublicUrl(url);
  }
}
