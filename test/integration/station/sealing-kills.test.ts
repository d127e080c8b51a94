// A power cut at every step of sealing and unsealing: the device is the same one afterwards, and nothing plain is left where it is sealed.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openSystemSeal } from '../../../src/station/home/system-seal.ts';
import { openPeerCertificate } from '../../../src/sync/site/peer-certificate.ts';
import { openSiteKeys } from '../../../src/sync/site/site-keys.ts';
import type { Death } from '../sync/faults/die-at.ts';

const child = path.join(import.meta.dirname, 'sealing-process.ts');
const key = Buffer.alloc(32, 7);

const steps = [
  { call: 'write', when: 'before' },
  { call: 'rename', when: 'before' },
  { call: 'rename', when: 'after' },
] as const;
const deaths = ['sealed-by-system', 'device-keys', 'peer-certificate'].flatMap((file) =>
  steps.map((step) => ({ ...step, path: `${file}.new`, time: 1 }) satisfies Death),
);

/** A home folder with both keys, sealed or not, as it is found by the next start. */
function homeWith(isSealed: boolean) {
  const home = mkdtempSync(path.join(os.tmpdir(), 'imagiq-kill-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  mkdirSync(path.join(home, 'keys'));
  const keyFolder = path.join(home, 'federations', 'keys');
  const sealFile = path.join(home, 'keys', 'sealed-by-system');
  const open = () => {
    const sealingKey = existsSync(sealFile) ? readFileSync(sealFile) : null;
    const seal = openSystemSeal(home, keyFolder, { sealingKey, fault: null });
    const { fingerprint } = openSiteKeys(keyFolder, seal.sealing);
    return { seal, device: { fingerprint, certificate: openPeerCertificate(keyFolder, seal.sealing).certificate } };
  };
  const { seal, device } = open();
  if (isSealed) seal.change({ key, sealedKey: key });
  return { home, keyFolder, open, device };
}

test.each([
  ['sealing', false, deaths],
  ['unsealing', true, deaths.filter(({ path: name }) => name !== 'sealed-by-system.new')],
] as const)(
  '%s, killed at every step, leaves the same device',
  (_what, isSealed, points) => {
    for (const death of points) {
      const { home, keyFolder, open, device } = homeWith(isSealed);
      const order = { home, keyFolder, isOn: !isSealed, key: key.toString('hex'), death };
      const { signal } = spawnSync(process.execPath, [child, JSON.stringify(order)], { stdio: 'inherit' });
      const after = open();
      const left = readdirSync(keyFolder).map((name) => readFileSync(path.join(keyFolder, name), 'latin1'));
      expect({
        death,
        signal,
        device: after.device,
        files: left.length,
        isPlain: left.some((text) => text.includes('PRIVATE KEY')),
      }).toEqual({ death, signal: 'SIGKILL', device, files: 2, isPlain: !after.seal.isSealed });
    }
  },
  180_000,
);
