import { expect, it } from 'vitest';
import { createDeviceKeys } from '../../../../src/sync/protocol/device-keys.ts';
import { signStatement } from '../../../../src/sync/protocol/statement.ts';
import { openCardCheck } from '../../../../src/sync/site/card-check.ts';

function cardOf(site: string) {
  const keys = createDeviceKeys();
  const { publicKey, boxPublicKey, fingerprint } = keys;
  return { fingerprint, card: signStatement('site-card', { site, publicKey, boxPublicKey }, keys) };
}

it('says whose a card is, and gives equal ones as one object', () => {
  const checkCard = openCardCheck();
  const { fingerprint, card } = cardOf('Oslo');
  expect(checkCard(card)).toEqual({ card, fingerprint, site: 'Oslo' });
  expect(checkCard({ ...card }).card).toBe(card);
});

it('refuses another signature under a card that it remembers, and another name under its signature', () => {
  const checkCard = openCardCheck();
  const { card } = cardOf('Oslo');
  checkCard(card);
  expect(() => checkCard({ ...card, signature: cardOf('Oslo').card.signature })).toThrow(
    expect.objectContaining({ code: 403 }),
  );
  expect(() => checkCard({ ...card, statement: card.statement.replace('Oslo', 'Lyon') })).toThrow(
    expect.objectContaining({ code: 403 }),
  );
});
