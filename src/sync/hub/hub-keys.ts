// The hub's keys, made at its first start; whoever holds them is the hub that invites point to. All hub processes of a federation have
// the same.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createDeviceKeys, decodeDeviceKeys, type DeviceKeys, encodeDeviceKeys } from '../protocol/device-keys.ts';
import { writeFileDurably } from '../protocol/durable-file.ts';
import { hubFault } from './faults.ts';

/** `fingerprint` is that of the federation's hub; null before its first start. @throws Fault 540 when the folder's keys are other ones. */
export function hubKeysIn(folder: string, fingerprint: string | null): DeviceKeys {
  const file = path.join(folder, 'hub-keys.json');
  if (existsSync(file)) {
    const keys = decodeDeviceKeys(readFileSync(file));
    if (fingerprint !== null && keys.fingerprint !== fingerprint) throw hubFault.otherHubKeys(folder);
    return keys;
  }
  if (fingerprint !== null) throw hubFault.otherHubKeys(folder);
  const keys = createDeviceKeys();
  writeFileDurably(file, encodeDeviceKeys(keys), 0o600);
  return keys;
}
