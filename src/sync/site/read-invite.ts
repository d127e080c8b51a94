// What an invite would join, told before anything is sent to anyone.
import { parseInvite } from '../protocol/invite-link.ts';

/** @throws Fault 412 when the text is not an invite. */
export function readInvite(text: string): {
  federation: string;
  hubUrl: string;
  hubFingerprint: string;
  expiresAt: string;
} {
  const { federation, url, hubFingerprint, expiresAt } = parseInvite(text.trim());
  return { federation, hubUrl: url, hubFingerprint, expiresAt };
}
