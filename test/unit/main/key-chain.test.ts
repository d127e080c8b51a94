// What the shell says of a key chain, by what Electron's `safeStorage` answers; real key chains are asked in e2e/sealed-keys.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openKeyChain, type SystemSafe } from '../../../src/main/key-chain.ts';

/** A key chain that turns bytes over. */
const safe: SystemSafe = {
  isEncryptionAvailable: () => true,
  getSelectedStorageBackend: () => 'gnome_libsecret',
  encryptString: (text) => Buffer.from(text).reverse(),
  decryptString: (sealed) => Buffer.from(sealed).reverse().toString(),
};

function newHome(): string {
  const home = mkdtempSync(path.join(os.tmpdir(), 'imagiq-chain-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  mkdirSync(path.join(home, 'keys'));
  return home;
}

const seal = (home: string, bytes: Uint8Array): void =>
  writeFileSync(path.join(home, 'keys', 'sealed-by-system'), bytes);

test('a new key comes back from its seal at the next start', () => {
  const home = newHome();
  const { key, sealedKey } = openKeyChain(home, safe, 'linux').newSeal();
  expect(openKeyChain(home, safe, 'linux').news()).toEqual({ sealingKey: null, fault: null });
  seal(home, sealedKey);
  expect(openKeyChain(home, safe, 'linux').news()).toEqual({ sealingKey: key, fault: null });
});

test('a constant password counts as no key chain on Linux', () => {
  const home = newHome();
  const basic: SystemSafe = { ...safe, getSelectedStorageBackend: () => 'basic_text' };
  const chain = openKeyChain(home, basic, 'linux');
  expect(chain.lack()).toContain('No key chain answers');
  expect(() => chain.newSeal()).toThrowError(expect.objectContaining({ code: 706 }));
  seal(home, Buffer.from('anything'));
  expect(chain.news()).toMatchObject({ sealingKey: null, fault: { code: 704 } });
  expect(openKeyChain(home, safe, 'linux').lack()).toBeNull();
});

test('a key chain that does not answer, one that cannot open the seal, and one that gives no key are told apart', () => {
  const home = newHome();
  seal(home, openKeyChain(home, safe, 'darwin').newSeal().sealedKey);
  const codeWith = (change: Partial<SystemSafe>) =>
    openKeyChain(home, { ...safe, ...change }, 'darwin').news().fault?.code;
  expect(codeWith({ isEncryptionAvailable: () => false })).toBe(704);
  expect(
    codeWith({
      decryptString: () => {
        throw new Error('Error while decrypting the ciphertext');
      },
    }),
  ).toBe(705);
  expect(codeWith({ decryptString: () => 'c2hvcnQ=' })).toBe(705);
  expect(codeWith({})).toBeUndefined();
});

test('nothing is sealed by a key chain that does not give back what it was given', () => {
  const forgetful: SystemSafe = { ...safe, decryptString: () => Buffer.alloc(32).toString('base64') };
  const { newSeal } = openKeyChain(newHome(), forgetful, 'win32');
  expect(() => newSeal()).toThrowError(expect.objectContaining({ code: 706 }));
});

test('a seal that cannot be read is told as one that does not open: nothing is thrown at a start', () => {
  const home = newHome();
  mkdirSync(path.join(home, 'keys', 'sealed-by-system'));
  expect(openKeyChain(home, safe, 'linux').news()).toMatchObject({ sealingKey: null, fault: { code: 705 } });
});
