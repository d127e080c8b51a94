// The hub's keys, made at its first start; whoever holds them is the hub that invites point to. All hub processes of a federation have
// the same.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createDeviceKeys, decodeDeviceKeys, type DeviceKeys, encodeDeviceKeys } from '../protocol/device-keys.ts';
import { writeFileDurably } from '../protocol/durable-file.ts';
import { hubFault } from './faults.ts';
import { type HubDatabase, readSetting, writeSetting } from './hub-database.ts';

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

/** Of a hub that starts: made at the first start, and named in its database. @throws Fault 540 when the folder's keys are other ones. */
export async function hubKeysOf(folder: string, db: HubDatabase): Promise<DeviceKeys> {
  const keys = hubKeysIn(folder, await readSetting(db, 'fingerprint'));
  await db.transaction(async (tx) => {
    const first = await readSetting(tx, 'fingerprint');
    // Two hubs that started at once made two pairs of keys: the first pair stands.
    if (first !== null && first !== keys.fingerprint) throw hubFault.otherHubKeys(folder);
    await writeSetting(tx, 'fingerprint', keys.fingerprint);
  });
  return keys;
}
