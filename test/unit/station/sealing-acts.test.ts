// Sealing and its entries in the ledger, also where the disk refuses either.
import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openFileLedger } from '../../../src/ledger/file-ledger.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { openSystemSeal } from '../../../src/station/home/system-seal.ts';
import { changeSealing, retrySealing } from '../../../src/station/sealing-acts.ts';
import { openSiteKeys } from '../../../src/sync/site/site-keys.ts';

const order = { key: Buffer.alloc(32, 7), sealedKey: Buffer.from('as the key chain has it') };

function stationWithKeys() {
  const home = mkdtempSync(path.join(os.tmpdir(), 'imagiq-acts-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  mkdirSync(path.join(home, 'keys'));
  const keyFolder = path.join(home, 'federations', 'keys');
  const seal = openSystemSeal(home, keyFolder, { sealingKey: null, fault: null });
  openSiteKeys(keyFolder, seal.sealing);
  const ledger = openFileLedger(home);
  const acts = (): string[] =>
    ledger
      .entries(10)
      .map(({ act }) => act)
      .reverse();
  return { seal, ledger, acts, inTheWay: path.join(keyFolder, 'device-keys.new') };
}

test('each change is entered once, and an order that changes nothing is not', () => {
  const { seal, ledger, acts } = stationWithKeys();
  const results = [order, order, null, null, order].map((given) => changeSealing({ seal, ledger }, given));
  expect(results).toEqual([true, true, false, false, true]);
  expect(acts()).toEqual(['keys-sealed', 'keys-unsealed', 'keys-sealed']);
});

test('keys that could not be sealed are not entered as sealed, until a second try or a later one has sealed them', () => {
  for (const again of [retrySealing, changeSealing]) {
    const { seal, ledger, acts, inTheWay } = stationWithKeys();
    mkdirSync(inTheWay);
    expect(() => changeSealing({ seal, ledger }, order)).toThrowError(expect.objectContaining({ code: 'EISDIR' }));
    retrySealing({ seal, ledger });
    expect([acts(), seal.isSealed]).toEqual([[], false]);
    rmdirSync(inTheWay);
    again({ seal, ledger }, order);
    expect([acts(), seal.isSealed]).toEqual([['keys-sealed'], true]);
  }
});

test('an entry that the ledger could not take is made by the next try, also by the one that turns it off', () => {
  for (const next of [order, null]) {
    const { seal, ledger, acts } = stationWithKeys();
    const full: Ledger = {
      ...ledger,
      append: () => {
        throw new Error('no space left on device');
      },
    };
    expect(() => changeSealing({ seal, ledger: full }, order)).toThrow('no space');
    expect([acts(), seal.isSealed]).toEqual([[], true]);
    expect(changeSealing({ seal, ledger }, next)).toBe(next !== null);
    expect(acts()).toEqual(next === null ? ['keys-sealed', 'keys-unsealed'] : ['keys-sealed']);
  }
});
