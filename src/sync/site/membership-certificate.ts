// The hub's word, good for some days, that a device is a member: a site keeps its own, shows it to its peers, and asks theirs. The hub itself
// asks none: it knows who is a member.
import { clockToleranceMs } from '../../contract/membership-certificate.ts';
import { wireFault } from '../protocol/faults.ts';
import { parseStatement, readStatement, type Signed, type StatementOf } from '../protocol/statement.ts';
import { siteFault } from './faults.ts';
import type { MembershipDesk } from './membership-desk.ts';
import type { MembershipState } from './membership-file.ts';

/** Keeps what the hub issued for this site. Nothing is saved here. @throws Fault 400 or 403 for what a true hub does not issue. */
export function takeCertificate(desk: MembershipDesk, signed: Signed): void {
  const { state, keys } = desk;
  const { hub, device } = readStatement('membership', signed, state.hubKey ?? '');
  if (hub !== state.hubFingerprint || device !== keys.fingerprint) throw wireFault.badSignature('membership');
  state.certificate = signed;
  desk.lines().hurry();
}

/** Until when this site's own is good; null where its hub has issued none. */
export function certificateUntil({ certificate }: Pick<MembershipState, 'certificate'>): string | null {
  return certificate === null ? null : parseStatement('membership', certificate.statement).expiresAt;
}

/**
 * Whether a peer may be spoken to without the hub: it has proven that it is `device`, and shows that it is a member. Where this site
 * itself never had a certificate the hub is of an earlier version, and nothing is asked; from then on everybody has to show one: what a
 * peer names in its handshake is its own word. When one begins is not looked at, since the hub's clock may be ahead.
 * @param now ms since 1970
 * @throws Fault 496
 */
export function checkPeerCertificate(order: {
  readonly state: Pick<MembershipState, 'certificate' | 'hubKey' | 'hubFingerprint'>;
  readonly device: string;
  /** The peer's name, for the message. */
  readonly site: string;
  readonly shown: Signed | null;
  readonly now: number;
}): void {
  const { state, device, site, shown, now } = order;
  if (state.certificate === null) return;
  if (shown === null) throw siteFault.notCertified(site, 'is missing');
  const { hub, device: certified, role, expiresAt } = readByHub(state.hubKey, shown, site);
  if (hub !== state.hubFingerprint) throw siteFault.notCertified(site, 'is of another federation');
  if (certified !== device) throw siteFault.notCertified(site, 'is that of another device');
  if (role === 'observer') throw siteFault.notCertified(site, 'is that of an observer');
  // A date that is none is never good.
  if (!(now <= Date.parse(expiresAt) + clockToleranceMs)) {
    throw siteFault.notCertified(site, `was good until ${expiresAt}`);
  }
}

function readByHub(hubKey: string | null, shown: Signed, site: string): StatementOf<'membership'> {
  try {
    return readStatement('membership', shown, hubKey ?? '');
  } catch {
    throw siteFault.notCertified(site, 'was not signed by the hub');
  }
}
