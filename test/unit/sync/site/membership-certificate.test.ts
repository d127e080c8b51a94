import { describe, expect, it } from 'vitest';
import { openCertificates } from '../../../../src/sync/hub/certificates.ts';
import { createDeviceKeys } from '../../../../src/sync/protocol/device-keys.ts';
import { parseStatement, signStatement, type Signed } from '../../../../src/sync/protocol/statement.ts';
import {
  certificateUntil,
  checkPeerCertificate,
  takeCertificate,
} from '../../../../src/sync/site/membership-certificate.ts';
import type { MembershipDesk } from '../../../../src/sync/site/membership-desk.ts';
import { newMembershipState } from '../../../../src/sync/site/membership-file.ts';

const dayMs = 24 * 60 * 60 * 1_000;
const start = Date.parse('2026-01-01T00:00:00.000Z');
const hub = createDeviceKeys();
const lyon = createDeviceKeys();
const oslo = createDeviceKeys();
const issuedBy = (keys = hub, days?: number, clock = () => start) => openCertificates({ keys, days, clock });
const certificateOf = (device = oslo, role: 'site' | 'observer' | 'coordinator' = 'site'): Signed =>
  issuedBy().issue({ fingerprint: device.fingerprint, role });

/** Lyon, which has a certificate of its own. */
function lyonDesk(): MembershipDesk {
  const state = newMembershipState({
    federation: 'ImagiQ',
    hubUrl: 'ws://127.0.0.1:1',
    hubFingerprint: hub.fingerprint,
    site: 'Lyon',
  });
  state.hubKey = hub.publicKey;
  const desk = { state, keys: lyon, lines: () => ({ hurry: () => {} }) } as unknown as MembershipDesk;
  takeCertificate(desk, certificateOf(lyon));
  return desk;
}
const checked =
  (shown: Signed | null, now = start, state = lyonDesk().state) =>
  (): void =>
    checkPeerCertificate({ state, device: oslo.fingerprint, site: 'Oslo', shown, now });

describe('the hub’s certificates', () => {
  it('name hub, device, role, and an end 30 days on', () => {
    expect(parseStatement('membership', certificateOf().statement)).toEqual({
      hub: hub.fingerprint,
      device: oslo.fingerprint,
      role: 'site',
      issuedAt: '2026-01-01T00:00:00.000Z',
      expiresAt: '2026-01-31T00:00:00.000Z',
    });
    const oneDay = issuedBy(hub, 1).issue({ fingerprint: oslo.fingerprint, role: 'site' });
    expect(parseStatement('membership', oneDay.statement).expiresAt).toBe('2026-01-02T00:00:00.000Z');
  });

  it('are due again when a third of their time is over, and not before', () => {
    expect(issuedBy(hub, 30, () => start + 10 * dayMs - 1).isDue(start)).toBe(false);
    expect(issuedBy(hub, 30, () => start + 10 * dayMs).isDue(start)).toBe(true);
  });
});

describe('a site’s own certificate', () => {
  it('is kept, and says until when it is good', () => {
    expect(certificateUntil(lyonDesk().state)).toBe('2026-01-31T00:00:00.000Z');
  });

  it('is none of another hub, of another device, or of another federation with the same key', () => {
    const desk = lyonDesk();
    const before = desk.state.certificate;
    const elsewhere = {
      ...parseStatement('membership', certificateOf(lyon).statement),
      hub: oslo.fingerprint,
    };
    for (const wrong of [
      issuedBy(createDeviceKeys()).issue({ fingerprint: lyon.fingerprint, role: 'site' }),
      certificateOf(oslo),
      signStatement('membership', elsewhere, hub),
    ])
      expect(() => takeCertificate(desk, wrong)).toThrow(expect.objectContaining({ code: 403 }));
    expect(desk.state.certificate).toBe(before);
  });
});

describe('a peer’s certificate', () => {
  it('is taken while it is good, and for a day longer: clocks may be wrong by one', () => {
    expect(checked(certificateOf())).not.toThrow();
    expect(checked(certificateOf(oslo, 'coordinator'))).not.toThrow();
    // The hub's clock is ahead by a day, or this site's behind.
    expect(checked(certificateOf(), start - dayMs)).not.toThrow();
    expect(checked(certificateOf(), start + 31 * dayMs)).not.toThrow();
    expect(checked(certificateOf(), start + 31 * dayMs + 1)).toThrow(
      expect.objectContaining({ code: 496, retry: 'later', message: expect.stringContaining('2026-01-31') }),
    );
  });

  it.each([
    ['missing', null],
    ['another hub’s', issuedBy(createDeviceKeys()).issue({ fingerprint: oslo.fingerprint, role: 'site' })],
    ['another device’s', certificateOf(lyon)],
    ['an observer’s', certificateOf(oslo, 'observer')],
    [
      'of another federation',
      signStatement(
        'membership',
        { ...parseStatement('membership', certificateOf().statement), hub: lyon.fingerprint },
        hub,
      ),
    ],
    [
      'without a date',
      signStatement(
        'membership',
        { ...parseStatement('membership', certificateOf().statement), expiresAt: 'always' },
        hub,
      ),
    ],
    ['changed', { ...certificateOf(), statement: certificateOf().statement.replace('2026-01-31', '2036-01-31') }],
  ])('that is %s is refused', (_, shown) => {
    expect(checked(shown)).toThrow(expect.objectContaining({ code: 496 }));
  });

  it('is asked for only where this site has one itself: else its hub is of an earlier version', () => {
    const { state } = lyonDesk();
    expect(checked(null, start, { ...state, certificate: null })).not.toThrow();
  });
});
