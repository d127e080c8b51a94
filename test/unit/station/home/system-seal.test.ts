// The switch in the home folder: what is there when keys are sealed, and what is refused where they cannot be opened.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openSystemSeal, type SystemSeal } from '../../../../src/station/home/system-seal.ts';
import { openSiteKeys } from '../../../../src/sync/site/site-keys.ts';

const seal = { key: Buffer.alloc(32, 7), sealedKey: Buffer.from('as the key chain has it') };
const fault = { code: 704, message: 'The key chain is locked.', retry: 'later' } as const;

function newHome() {
  const home = mkdtempSync(path.join(os.tmpdir(), 'imagiq-seal-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  mkdirSync(path.join(home, 'keys'));
  const keyFolder = path.join(home, 'federations', 'keys');
  const open = (sealingKey: Uint8Array | null = null, because: typeof fault | null = null) =>
    openSystemSeal(home, keyFolder, { sealingKey, fault: because });
  const system = open();
  const { fingerprint } = openSiteKeys(keyFolder, system.sealing);
  return { home, keyFolder, open, system, fingerprint, sealFile: path.join(home, 'keys', 'sealed-by-system') };
}

test('turned on, the key lies there only as the key chain encrypted it; turned off, it is gone', () => {
  const { keyFolder, open, system, fingerprint, sealFile } = newHome();
  system.change(seal);
  expect(system.isSealed).toBe(true);
  expect(readFileSync(sealFile)).toEqual(seal.sealedKey);
  expect(statSync(sealFile).mode & 0o777).toBe(0o600);
  const again = open(seal.key);
  expect(again.isSealed).toBe(true);
  expect(openSiteKeys(keyFolder, again.sealing).fingerprint).toBe(fingerprint);
  again.change(null);
  expect([again.isSealed, existsSync(sealFile)]).toEqual([false, false]);
  expect(openSiteKeys(keyFolder, open().sealing).fingerprint).toBe(fingerprint);
});

test('keys that cannot be read for a moment are tried again later: the try itself ends nothing', () => {
  const { keyFolder, system } = newHome();
  system.change(seal);
  const file = path.join(keyFolder, 'device-keys');
  const sealed = readFileSync(file);
  rmSync(file);
  mkdirSync(file);
  expect(system.retry()).toBe(false);
  rmdirSync(file);
  writeFileSync(file, sealed);
  expect(system.isSealed).toBe(true);
});

test('turned on twice, the first key stays: what it sealed must open', () => {
  const { open, system, sealFile, keyFolder, fingerprint } = newHome();
  system.change(seal);
  system.change({ key: Buffer.alloc(32, 9), sealedKey: Buffer.from('another') });
  expect(readFileSync(sealFile)).toEqual(seal.sealedKey);
  expect(openSiteKeys(keyFolder, open(seal.key).sealing).fingerprint).toBe(fingerprint);
});

test('sealed keys are refused by name: without the app, with a key chain that does not open, without the seal', () => {
  const { home, keyFolder, open, system, sealFile, fingerprint } = newHome();
  system.change(seal);
  const codeOf = (code: number) => expect.objectContaining({ code });
  expect(() => openSystemSeal(home, keyFolder, null)).toThrowError(codeOf(695));
  expect(() => open(null, fault)).toThrowError(codeOf(704));
  rmSync(sealFile);
  expect(() => open()).toThrowError(codeOf(696));
  writeFileSync(sealFile, seal.sealedKey);
  expect(openSiteKeys(keyFolder, open(seal.key).sealing).fingerprint).toBe(fingerprint);
});

test('a seal whose keys were moved away refuses nothing: the device is enrolled anew, and can be sealed anew', () => {
  const { open, system, keyFolder, fingerprint, sealFile } = newHome();
  system.change(seal);
  rmSync(keyFolder, { recursive: true });
  const anew = open(null, fault);
  const other = openSiteKeys(keyFolder, anew.sealing);
  expect(other.fingerprint).not.toBe(fingerprint);
  anew.change({ key: Buffer.alloc(32, 9), sealedKey: Buffer.from('another') });
  expect(readFileSync(sealFile, 'utf8')).toBe('another');
  expect(openSiteKeys(keyFolder, open(Buffer.alloc(32, 9)).sealing).fingerprint).toBe(other.fingerprint);
});

test('after an error of the disk a second try seals what is still plain, with the key of the first', () => {
  const { keyFolder, open, system, fingerprint, sealFile } = newHome();
  const inTheWay = path.join(keyFolder, 'device-keys.new');
  const another = { key: Buffer.alloc(32, 9), sealedKey: Buffer.from('another') };
  mkdirSync(inTheWay);
  for (const given of [seal, another]) {
    expect(() => system.change(given)).toThrowError(expect.objectContaining({ code: 'EISDIR' }));
    expect(system.isSealed).toBe(false);
  }
  expect(system.retry()).toBe(false);
  rmdirSync(inTheWay);
  system.change(another);
  expect(system.isSealed).toBe(true);
  expect(readFileSync(sealFile)).toEqual(seal.sealedKey);
  expect(readFileSync(path.join(keyFolder, 'device-keys'), 'latin1')).not.toContain('PRIVATE KEY');
  expect(openSiteKeys(keyFolder, open(seal.key).sealing).fingerprint).toBe(fingerprint);
});

test.each([
  ['sealed by a later retry', (system: SystemSeal) => [system.retry(), system.retry()], [true, false], true],
  ['written plain again', (system: SystemSeal) => system.change(null), undefined, false],
] as const)('what an error left half sealed is %s', (_how, act, answer, isSealed) => {
  const { keyFolder, system, fingerprint, sealFile } = newHome();
  mkdirSync(path.join(keyFolder, 'device-keys.new'));
  expect(() => system.change(seal)).toThrow('EISDIR');
  rmdirSync(path.join(keyFolder, 'device-keys.new'));
  expect(act(system)).toEqual(answer);
  expect([system.isSealed, existsSync(sealFile)]).toEqual([isSealed, isSealed]);
  expect(openSiteKeys(keyFolder, system.sealing).fingerprint).toBe(fingerprint);
});
