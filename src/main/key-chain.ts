// The system's key chain (Keychain, DPAPI, the Secret Service of a Linux desktop), which only the shell can ask. It keeps nothing but
// the key that seals the station's keys, encrypted, in the home folder; what that key seals is the station's.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { SafeStorage } from 'electron';
import { type KeyChainNews, type NewSeal, sealedBySystemFile, sealingKeyBytes } from '../contract/key-chain.ts';
import { shellFault } from './faults.ts';

export interface KeyChain {
  /** Why sealing is not offered here, for a person; null where it is. */
  lack(): string | null;
  /** What a station is told at its start; a seal that cannot be read is a fault in it, as one that does not open. */
  news(): KeyChainNews;
  /** A new sealing key, also as the key chain encrypted it. @throws Fault 706 where there is no key chain, or it does not open what it encrypted. */
  newSeal(): NewSeal;
}

/** The part of Electron's `safeStorage` that is used; before Electron 26 it does not tell its backend. */
export type SystemSafe = Pick<SafeStorage, 'isEncryptionAvailable' | 'encryptString' | 'decryptString'> &
  Partial<Pick<SafeStorage, 'getSelectedStorageBackend'>>;

/** To be asked once the app is ready: before, no key chain answers. */
export function openKeyChain(home: string, safe: SystemSafe, platform: NodeJS.Platform = process.platform): KeyChain {
  const file = path.join(home, ...sealedBySystemFile);

  const lack = (): string | null => {
    // A constant password would look like protection and be none.
    const isConstant = platform === 'linux' && safe.getSelectedStorageBackend?.() === 'basic_text';
    if (!isConstant && safe.isEncryptionAvailable()) return null;
    return platform === 'linux'
      ? 'No key chain answers in this session: it needs a desktop’s, such as GNOME Keyring or KWallet, unlocked.'
      : 'The system’s key chain does not answer. Unlock it, then restart ImagiQ.';
  };
  /** Null where it is not this key chain's, or no key. */
  const opened = (sealedKey: Buffer): Uint8Array | null => {
    try {
      const key = Buffer.from(safe.decryptString(sealedKey), 'base64');
      return key.length === sealingKeyBytes ? key : null;
    } catch {
      return null;
    }
  };

  const read = (): Uint8Array | null => {
    try {
      return opened(readFileSync(file));
    } catch {
      // Of another user, or gone since it was looked for.
      return null;
    }
  };

  return {
    lack,
    news() {
      if (!existsSync(file)) return { sealingKey: null, fault: null };
      if (lack() !== null) return { sealingKey: null, fault: shellFault.keyChainAway().toValue() };
      const sealingKey = read();
      return { sealingKey, fault: sealingKey === null ? shellFault.otherKeyChain().toValue() : null };
    },
    newSeal() {
      const reason = lack();
      if (reason !== null) throw shellFault.noKeyChain(reason);
      const key = randomBytes(sealingKeyBytes);
      const sealedKey = safe.encryptString(key.toString('base64'));
      // Nothing is sealed with a key that does not come back.
      if (!opened(sealedKey)?.every((byte, index) => byte === key[index]))
        throw shellFault.noKeyChain('The key chain does not give back what it was given.');
      return { key, sealedKey };
    },
  };
}
