// What a hub tells of masked buffers while this site's own disk is full.
import { expect, it } from 'vitest';
import type { Channel } from '../../../../src/sync/protocol/channel.ts';
import { createDeviceKeys } from '../../../../src/sync/protocol/device-keys.ts';
import { type MaskingNews, openMaskedDelivery } from '../../../../src/sync/site/masked-delivery.ts';
import type { MembershipDesk } from '../../../../src/sync/site/membership-desk.ts';
import { newMembershipState } from '../../../../src/sync/site/membership-file.ts';

it('waits, the newest of each kind, until there is room, and throws nothing at the line', async () => {
  const keys = createDeviceKeys();
  const { fingerprint } = keys;
  const state = newMembershipState({
    federation: 'ImagiQ',
    hubUrl: 'ws://127.0.0.1:1',
    hubFingerprint: fingerprint,
    site: 'lyon',
  });
  let [isFull, saved, rests] = [true, 0, 0];
  const save = (): void => {
    if (isFull) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    saved += 1;
  };
  const desk = { state, keys, save, channel: () => null } as unknown as MembershipDesk;
  const masked = openMaskedDelivery({ desk, settle: () => {}, rest: () => (rests += 1) });
  const relayed = (buffer: number): MaskingNews => ({
    kind: 'mask-shares-relayed',
    buffer: String(buffer),
    shares: [],
  });
  for (let buffer = 0; buffer < 100; buffer += 1) expect(masked.receive(relayed(buffer))).toBe(false);
  expect(state.reason).toContain('The disk is full');
  expect(rests).toBe(100);
  isFull = false;
  await masked.advance({} as Channel);
  expect(saved).toBe(1);
  await masked.advance({} as Channel);
  expect(saved).toBe(1);
});
