// Certificates of membership: the hub's word for a member to show to its peers, good for a number of days, so that a device whose membership
// ended does not pass for a member for ever where the hub cannot be asked. Nothing of them is kept: each greeting brings a new one.
import type { DeviceKeys } from '../protocol/device-keys.ts';
import { signStatement, type Signed } from '../protocol/statement.ts';
import type { AdmittedSite } from './members.ts';

/** How long they are good, in days. */
export const certificateDays = { least: 1, byDefault: 30, most: 365 } as const;
const dayMs = 24 * 60 * 60 * 1_000;

export interface Certificates {
  /** A `membership` statement from now on. */
  issue(member: Pick<AdmittedSite, 'fingerprint' | 'role'>): Signed;
  /** Whether a third of the time of one is over that was issued then (ms since 1970). */
  isDue(issuedAt: number): boolean;
}

export function openCertificates(order: {
  readonly keys: DeviceKeys;
  /** `certificateDays.byDefault` without. */
  readonly days: number | undefined;
  readonly clock: () => number;
}): Certificates {
  const { keys, clock } = order;
  const lifetimeMs = (order.days ?? certificateDays.byDefault) * dayMs;
  return {
    issue({ fingerprint, role }) {
      const issuedAt = new Date(clock()).toISOString();
      const expiresAt = new Date(clock() + lifetimeMs).toISOString();
      return signStatement(
        'membership',
        { hub: keys.fingerprint, device: fingerprint, role, issuedAt, expiresAt },
        keys,
      );
    },
    isDue: (issuedAt) => clock() - issuedAt >= lifetimeMs / 3,
  };
}
