// The hub's keys, made at its first start; whoever holds them is the hub that invites point to.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createDeviceKeys, decodeDeviceKeys, type DeviceKeys, encodeDeviceKeys } from '../protocol/device-keys.ts';
import { writeFileDurably } from '../protocol/durable-file.ts';

export function hubKeysIn(folder: string): DeviceKeys {
  const file = path.join(folder, 'hub-keys.json');
  if (existsSync(file)) return decodeDeviceKeys(readFileSync(file));
  const keys = createDeviceKeys();
  writeFileDurably(file, encodeDeviceKeys(keys), 0o600);
  return keys;
}
