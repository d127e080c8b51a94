// What lets a site into a federation.
import { z } from 'zod';

export const inviteTextPattern = /^imagiq:\/\/join\/[A-Za-z0-9_-]{20,4000}$/;

/** What an invite link carries, base64url-encoded JSON. The code is single use and expires. */
export const inviteSchema = z.object({
  version: z.literal(1),
  /** ws:// only on loopback, wss:// elsewhere. */
  url: z.string().max(500),
  code: z.string().min(20).max(200),
  /** SHA-256 (hex) of the hub's public key: the site refuses any other hub. */
  hubFingerprint: z.string().regex(/^[0-9a-f]{64}$/),
  federation: z.string().max(100),
  expiresAt: z.string(),
});
export type Invite = z.infer<typeof inviteSchema>;

/** When an invite ends, for a person anywhere: `29 November 2026 at 21:51 UTC`. */
export function expiryText(expiresAt: string): string {
  const at = new Date(expiresAt);
  if (Number.isNaN(at.getTime())) return expiresAt;
  return `${at.toLocaleString('en-GB', { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' })} UTC`;
}
