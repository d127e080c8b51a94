// The device's keys, made here and never sent. The station may pass the OS key chain's sealing; without it the file's mode (0600)
// is the protection.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createDeviceKeys, decodeDeviceKeys, encodeDeviceKeys, type DeviceKeys } from '../protocol/device-keys.ts';
import { writeFileDurably } from '../protocol/durable-file.ts';
import { siteFault } from './faults.ts';

export interface KeySealing {
  readonly sealKeys: (keys: Uint8Array) => Uint8Array;
  readonly unsealKeys: (sealed: Uint8Array) => Uint8Array;
}

export const plainSealing: KeySealing = { sealKeys: (keys) => keys, unsealKeys: (sealed) => sealed };

/** The keys of this device, made at the first call. @throws Fault 460 when they are there but cannot be opened. */
export function openSiteKeys(folder: string, sealing: KeySealing): DeviceKeys {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = path.join(folder, 'device-keys');
  if (!existsSync(file)) {
    const keys = createDeviceKeys();
    writeFileDurably(file, sealing.sealKeys(encodeDeviceKeys(keys)), 0o600);
    return keys;
  }
  try {
    return decodeDeviceKeys(sealing.unsealKeys(readFileSync(file)));
  } catch {
    throw siteFault.damagedKeys();
  }
}
