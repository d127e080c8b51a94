// The device's keys sealed on the disk: what opens them, what does not, and that nothing is lost by trying.
import { randomBytes } from 'node:crypto';
import fs, { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openAuthor } from '../../../../src/sync/site/author.ts';
import { holdsSealedKeys, keyFiles, openKeySealing, sealed, unsealed } from '../../../../src/sync/site/key-sealing.ts';
import { openPeerCertificate } from '../../../../src/sync/site/peer-certificate.ts';
import { openSiteKeys } from '../../../../src/sync/site/site-keys.ts';

const key = Buffer.alloc(32, 7);
const otherKey = Buffer.alloc(32, 8);

function newKeyFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-sealing-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return path.join(folder, 'keys');
}

/** A key folder with both keys in it, plain. */
function plainKeys() {
  const folder = newKeyFolder();
  const sealing = openKeySealing(folder, null);
  const { fingerprint } = openSiteKeys(folder, sealing);
  const { certificate } = openPeerCertificate(folder, sealing);
  const file = (name: keyof typeof keyFiles): string => path.join(folder, keyFiles[name]);
  return { folder, sealing, fingerprint, certificate, file };
}

test('bytes come back as they were, and are sealed differently each time', () => {
  const bytes = randomBytes(1_000);
  expect(unsealed(key, sealed(key, bytes))).toEqual(bytes);
  expect(sealed(key, bytes)).not.toEqual(sealed(key, bytes));
  expect(unsealed(key, sealed(key, new Uint8Array()))).toHaveLength(0);
});

test('no byte of a seal can be changed, cut off or added, and no other key opens it', () => {
  const whole = sealed(key, Buffer.from('{"signing":"…"}'));
  const isRefused = (attempt: () => unknown): void =>
    expect(attempt).toThrowError(expect.objectContaining({ code: 467 }));
  isRefused(() => unsealed(otherKey, whole));
  const head = 'imagiq-sealed-keys-1\n'.length;
  for (let index = head; index < whole.length; index += 1) {
    const changed = Uint8Array.from(whole);
    changed[index]! ^= 1;
    isRefused(() => unsealed(key, changed));
  }
  for (let length = head; length < whole.length; length += 1) isRefused(() => unsealed(key, whole.subarray(0, length)));
  isRefused(() => unsealed(key, Buffer.concat([whole, Buffer.of(0)])));
});

test('keys that are sealed while they are in use are the same keys, and no longer to be read on the disk', () => {
  const { folder, sealing, fingerprint, certificate, file } = plainKeys();
  expect([sealing.isOn, holdsSealedKeys(folder)]).toEqual([false, false]);
  expect(readFileSync(file('device'), 'utf8')).toContain('PRIVATE KEY');
  sealing.seal(key);
  expect([sealing.isOn, holdsSealedKeys(folder)]).toEqual([true, true]);
  for (const name of ['device', 'listening'] as const) {
    expect(readFileSync(file(name), 'latin1')).not.toContain('PRIVATE KEY');
  }
  // The process that sealed them goes on, and so does the next.
  for (const open of [sealing, openKeySealing(folder, key)]) {
    expect(openSiteKeys(folder, open).fingerprint).toBe(fingerprint);
    expect(openAuthor(path.dirname(folder), open).fingerprint).toBe(fingerprint);
    expect(openPeerCertificate(folder, open).certificate).toBe(certificate);
  }
  sealing.unseal();
  expect(holdsSealedKeys(folder)).toBe(false);
  expect(openSiteKeys(folder, openKeySealing(folder, null)).fingerprint).toBe(fingerprint);
});

test('keys that are made while sealing is on are never plain', () => {
  const folder = newKeyFolder();
  const { fingerprint } = openSiteKeys(folder, openKeySealing(folder, key));
  expect(readFileSync(path.join(folder, keyFiles.device), 'latin1')).not.toContain('PRIVATE KEY');
  expect(openSiteKeys(folder, openKeySealing(folder, key)).fingerprint).toBe(fingerprint);
});

test.each([
  ['without a key', null],
  ['with another key', otherKey],
])('sealed keys do not open %s, no new ones are made, and the right key still opens them', (_how, given) => {
  const { folder, sealing, fingerprint, file } = plainKeys();
  sealing.seal(key);
  const stored = readFileSync(file('device'));
  const wrong = openKeySealing(folder, given);
  expect(() => openSiteKeys(folder, wrong)).toThrowError(expect.objectContaining({ code: 467 }));
  expect(() => openPeerCertificate(folder, wrong)).toThrowError(expect.objectContaining({ code: 467 }));
  expect(() => wrong.unseal()).toThrowError(expect.objectContaining({ code: 467 }));
  expect(readFileSync(file('device'))).toEqual(stored);
  expect(openSiteKeys(folder, openKeySealing(folder, key)).fingerprint).toBe(fingerprint);
});

test('a file that was cut short is told as damage and left as it is, wherever it was cut', () => {
  const { folder, sealing, file } = plainKeys();
  sealing.seal(key);
  const whole = readFileSync(file('device'));
  for (const length of [0, 10, 30, whole.length - 1]) {
    writeFileSync(file('device'), whole.subarray(0, length));
    const code = length < 21 ? 460 : 467;
    const open = openKeySealing(folder, key);
    expect(() => openSiteKeys(folder, open)).toThrowError(expect.objectContaining({ code }));
    expect(readFileSync(file('device'))).toEqual(whole.subarray(0, length));
  }
});

test('a damaged file keeps every file sealed: nothing is written plain by halves', () => {
  const { folder, sealing, file } = plainKeys();
  sealing.seal(key);
  writeFileSync(file('listening'), readFileSync(file('listening')).subarray(0, 40));
  expect(() => sealing.unseal()).toThrowError(expect.objectContaining({ code: 467 }));
  expect(sealing.isOn).toBe(true);
  expect(readFileSync(file('device'), 'latin1')).not.toContain('PRIVATE KEY');
  expect(holdsSealedKeys(folder)).toBe(true);
});

test('a plain copy that a crash left beside is removed at the next start', () => {
  const { folder, file } = plainKeys();
  writeFileSync(`${file('device')}.new`, readFileSync(file('device')));
  openKeySealing(folder, key);
  expect(existsSync(`${file('device')}.new`)).toBe(false);
});

test.each(['device', 'listening'] as const)(
  'an error of the disk while the %s key is sealed loses nothing: it is not called sealed, opens, and is sealed later',
  (name) => {
    const { folder, sealing, fingerprint, certificate, file } = plainKeys();
    mkdirSync(`${file(name)}.new`);
    expect(() => sealing.seal(key)).toThrowError(expect.objectContaining({ code: 'EISDIR' }));
    expect(() => sealing.sealRest()).toThrowError(expect.objectContaining({ code: 'EISDIR' }));
    expect([sealing.isOn, sealing.isComplete]).toEqual([true, false]);
    expect(readFileSync(file(name), 'utf8')).toContain('PRIVATE KEY');
    expect(openSiteKeys(folder, sealing).fingerprint).toBe(fingerprint);
    rmdirSync(`${file(name)}.new`);
    sealing.sealRest();
    expect(sealing.isComplete).toBe(true);
    expect(readFileSync(file(name), 'latin1')).not.toContain('PRIVATE KEY');
    const next = openKeySealing(folder, key);
    expect(openSiteKeys(folder, next).fingerprint).toBe(fingerprint);
    expect(openPeerCertificate(folder, next).certificate).toBe(certificate);
  },
);

test('a disk that is full at the start leaves plain keys that open, and are sealed once it has room', () => {
  const { folder, fingerprint, file } = plainKeys();
  const full = vi.spyOn(fs, 'writeSync').mockImplementation(() => {
    throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  });
  syncBuiltinESMExports();
  onTestFinished(() => {
    full.mockRestore();
    syncBuiltinESMExports();
  });
  const sealing = openKeySealing(folder, key);
  expect(full).toHaveBeenCalled();
  expect([sealing.isOn, sealing.isComplete]).toEqual([true, false]);
  expect(openSiteKeys(folder, sealing).fingerprint).toBe(fingerprint);
  full.mockRestore();
  syncBuiltinESMExports();
  sealing.sealRest();
  expect(sealing.isComplete).toBe(true);
  expect(readFileSync(file('device'), 'latin1')).not.toContain('PRIVATE KEY');
});
