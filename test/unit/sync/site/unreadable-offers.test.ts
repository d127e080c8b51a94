import { expect, test } from 'vitest';
import { createDeviceKeys } from '../../../../src/sync/protocol/device-keys.ts';
import type { MembershipDesk } from '../../../../src/sync/site/membership-desk.ts';
import { openReception } from '../../../../src/sync/site/reception.ts';

test('of offers that are none, however many a peer sends, one a minute is entered', () => {
  let now = 1_000_000;
  const acts: string[] = [];
  const desk = {
    state: { cards: {}, muted: [], announced: [], candidates: [], refusedModels: [] },
    keys: createDeviceKeys(),
    clock: () => now,
    ledger: (act: string) => void acts.push(act),
  } as unknown as MembershipDesk;
  const reception = openReception(desk, () => expect.unreachable());
  const offer = { model: { statement: '{"author":7}', signature: 'A'.repeat(86) }, sealedKey: 'key' };
  for (let time = 0; time < 50; time += 1) expect(reception.note(offer, 'direct')).toBe(false);
  expect(acts).toEqual(['model-refused']);
  now += 60_000;
  reception.note(offer, 'direct');
  reception.note(offer, 'relay');
  expect(acts).toEqual(['model-refused', 'model-refused']);
});
