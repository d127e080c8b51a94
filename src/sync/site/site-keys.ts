// The device's keys, made here and never sent.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Fault } from '../../contract/fault.ts';
import { createDeviceKeys, decodeDeviceKeys, encodeDeviceKeys, type DeviceKeys } from '../protocol/device-keys.ts';
import { writeFileDurably } from '../protocol/durable-file.ts';
import { siteFault } from './faults.ts';
import { keyFiles, type KeySealing } from './key-sealing.ts';

/** The keys of this device, made at the first call. @throws Fault 460 when they are damaged, 467 when their seal does not open. */
export function openSiteKeys(folder: string, sealing: KeySealing): DeviceKeys {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = path.join(folder, keyFiles.device);
  if (!existsSync(file)) {
    const keys = createDeviceKeys();
    writeFileDurably(file, sealing.sealKeys(encodeDeviceKeys(keys)), 0o600);
    return keys;
  }
  try {
    return decodeDeviceKeys(sealing.unsealKeys(readFileSync(file)));
  } catch (error) {
    throw error instanceof Fault ? error : siteFault.damagedKeys();
  }
}
