import { describe, expect, it } from 'vitest';
import { createDeviceKeys, decodeDeviceKeys, encodeDeviceKeys } from '../../../../src/sync/protocol/device-keys.ts';
import { formatInvite, parseInvite } from '../../../../src/sync/protocol/invite-link.ts';
import { openModel, sealModel, unwrapKey, wrapKey } from '../../../../src/sync/protocol/sealed-model.ts';
import { readSiteCard, readStatement, signStatement } from '../../../../src/sync/protocol/statement.ts';

describe('device keys (rule 2)', () => {
  it('are the same after they were stored', () => {
    const keys = createDeviceKeys();
    const again = decodeDeviceKeys(encodeDeviceKeys(keys));
    expect([again.fingerprint, again.boxPublicKey]).toEqual([keys.fingerprint, keys.boxPublicKey]);
  });
});

describe('statements (rule 3)', () => {
  const keys = createDeviceKeys();
  const card = { site: 'Lyon', publicKey: keys.publicKey, boxPublicKey: keys.boxPublicKey };

  it('hold for their text, their signer and their kind only', () => {
    const signed = signStatement('site-card', card, keys);
    expect(readSiteCard(signed)).toEqual(card);
    expect(() => readStatement('site-card', signed, createDeviceKeys().publicKey)).toThrow(/signature/);
    expect(() => readStatement('model', signed, keys.publicKey)).toThrow(/signature/);
    const renamed = { ...signed, statement: signed.statement.replace('Lyon', 'Oslo') };
    expect(() => readSiteCard(renamed)).toThrow(/signature/);
  });

  it('longer than any receiver reads are not signed', () => {
    const discard = { idempotencyKey: '0'.repeat(64), site: keys.fingerprint, projectHash: '0'.repeat(64) };
    const longest = 8 * 1024 - JSON.stringify({ ...discard, reason: '' }).length;
    expect(signStatement('discard', { ...discard, reason: 'x'.repeat(longest) }, keys).statement).toHaveLength(
      8 * 1024,
    );
    expect(() => signStatement('discard', { ...discard, reason: 'x'.repeat(longest + 1) }, keys)).toThrow(
      expect.objectContaining({ code: 417, retry: 'never' }),
    );
  });
});

describe('sealed models (rule 8.1, 8.2)', () => {
  const weights = Buffer.from('the weights of a model');
  const model = 'a'.repeat(64);
  const recipient = createDeviceKeys();

  it('open for the recipient', () => {
    const { sealed, contentKey } = sealModel(weights, model);
    const key = unwrapKey(wrapKey(contentKey, recipient.boxPublicKey, model), recipient, model);
    expect(Buffer.from(openModel(sealed, key, model)).equals(weights)).toBe(true);
    expect(Buffer.from(sealed).includes(weights)).toBe(false);
  });

  it('do not open for another site, under another name, or changed', () => {
    const { sealed, contentKey } = sealModel(weights, model);
    const wrapped = wrapKey(contentKey, recipient.boxPublicKey, model);
    expect(() => unwrapKey(wrapped, createDeviceKeys(), model)).toThrow(/sealed/);
    expect(() => unwrapKey(wrapped, recipient, 'b'.repeat(64))).toThrow(/sealed/);
    expect(() => unwrapKey('AAAA', recipient, model)).toThrow(/sealed/);
    const changed = Uint8Array.from(sealed);
    changed[20]! ^= 1;
    expect(() => openModel(changed, contentKey, model)).toThrow(/sealed/);
    expect(() => openModel(sealed, contentKey, 'b'.repeat(64))).toThrow(/sealed/);
  });
});

describe('invites', () => {
  const invite = {
    version: 1 as const,
    url: 'wss://hub.example.org',
    code: 'c'.repeat(43),
    hubFingerprint: 'f'.repeat(64),
    federation: 'North',
    expiresAt: '2030-01-01T00:00:00.000Z',
  };

  it('are read back as they were written, with space around them', () => {
    expect(parseInvite(` ${formatInvite(invite)}\n`)).toEqual(invite);
  });

  it('are refused when cut off, of another form, or without encryption outside this machine', () => {
    for (const text of [
      '',
      'https://example.org',
      formatInvite(invite).slice(0, -9),
      'imagiq://join/' + 'A'.repeat(40),
    ]) {
      expect(() => parseInvite(text)).toThrow(/not a usable invite/);
    }
    expect(() => parseInvite(formatInvite({ ...invite, url: 'ws://hub.example.org' }))).toThrow(/not encrypted/);
    expect(parseInvite(formatInvite({ ...invite, url: 'ws://127.0.0.1:8443' })).url).toBe('ws://127.0.0.1:8443');
  });
});
