// The switch “Seal this station's keys with the system's key chain”, as the station keeps it. The station never asks a key chain: the
// shell hands it the sealing key, and `keys/sealed-by-system` is that key as only the key chain can open it.
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { type KeyChainNews, type NewSeal, sealedBySystemFile } from '../../contract/key-chain.ts';
import { Fault } from '../../contract/fault.ts';
import { holdsSealedKeys, type KeySealing, openKeySealing } from '../../sync/site/key-sealing.ts';
import { stationFault } from '../faults.ts';
import { syncFolder, writeFileDurably } from './durable-file.ts';

export interface SystemSeal {
  readonly sealing: KeySealing;
  /** No key file lies plain. */
  readonly isSealed: boolean;
  /**
   * Seals the device's keys, or writes them plain again (null). Killed at any point, it leaves keys that the next start opens. After
   * an error of the disk, which it throws, a second try finishes with the key of the first.
   */
  change(seal: NewSeal | null): void;
  /** Seals what the disk did not let seal before; whether all is sealed by it. Without an error: what stays plain waits for the next. */
  retry(): boolean;
}

/**
 * @param keyFolder where the device's keys lie
 * @param news what the shell's key chain gave; null without a shell
 * @throws Fault 695 where keys are sealed and no shell is there, 696 where what opens them is gone, or the fault of the news
 */
export function openSystemSeal(home: string, keyFolder: string, news: KeyChainNews | null): SystemSeal {
  const file = path.join(home, ...sealedBySystemFile);
  const beside = `${file}.new`;
  rmSync(beside, { force: true });
  const key = news?.sealingKey ?? null;
  if (key === null && holdsSealedKeys(keyFolder)) {
    if (!existsSync(file)) throw stationFault.sealLost();
    throw news?.fault ? new Fault(news.fault) : stationFault.keysSealed();
  }
  const sealing = openKeySealing(keyFolder, key);
  return {
    sealing,
    get isSealed() {
      return sealing.isComplete;
    },
    change(seal) {
      if (seal !== null) {
        // Some files may be sealed with the key of before, which stays the one.
        if (sealing.isOn) return sealing.sealRest();
        // First what opens the keys, then the keys: never the other way about.
        writeFileDurably(file, seal.sealedKey, 0o600, { beside });
        sealing.seal(seal.key);
      } else if (sealing.isOn) {
        sealing.unseal();
        rmSync(file, { force: true });
        syncFolder(path.dirname(file));
      }
    },
    retry() {
      try {
        if (!sealing.isOn || sealing.isComplete) return false;
        sealing.sealRest();
        return true;
      } catch {
        return false;
      }
    },
  };
}
