// How the device's keys lie on the disk: plain (the files' mode, 0600, is their protection), or sealed with a key that this process
// is handed and never writes down. What is read says itself which of the two it is, so that a change which was cut short leaves files
// that open.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { sealingKeyBytes } from '../../contract/key-chain.ts';
import { writeFileDurably } from '../protocol/durable-file.ts';
import { siteFault } from './faults.ts';

export interface KeySealing {
  readonly sealKeys: (keys: Uint8Array) => Uint8Array;
  /** @throws Fault 467 when they are sealed with another key, or changed. */
  readonly unsealKeys: (stored: Uint8Array) => Uint8Array;
}

export const plainSealing: KeySealing = { sealKeys: (keys) => keys, unsealKeys: (stored) => stored };

/** Sealing that can be turned on and off while the keys are in use. */
export interface SwitchableSealing extends KeySealing {
  /** A key is held: what is written from now on is sealed. */
  readonly isOn: boolean;
  /** On, and no file lies plain any more. */
  readonly isComplete: boolean;
  /**
   * Seals every file, with this key from now on. What an error of the disk (thrown) or a crash leaves plain stays readable, until
   * `sealRest` or the next `openKeySealing` with the key seals it.
   */
  seal(key: Uint8Array): void;
  /** Seals what still lies plain; nothing where sealing is off. */
  sealRest(): void;
  /** Writes every file plain again. */
  unseal(): void;
}

/** The files that are sealed, in a site's key folder. */
export const keyFiles = { device: 'device-keys', listening: 'peer-certificate' } as const;

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;
/** Before nonce, tag and sealed bytes; a plain file is JSON, so neither can be taken for the other. Authenticated with them. */
const sealMark = Buffer.from('imagiq-sealed-keys-1\n');
const plainMark = '{'.charCodeAt(0);

/** Seals bytes with AES-256-GCM (NIST SP 800-38D) under a nonce of its own. @param key 32 bytes */
export function sealed(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes }).setAAD(sealMark);
  const body = Buffer.concat([cipher.update(bytes), cipher.final()]);
  return Buffer.concat([sealMark, nonce, cipher.getAuthTag(), body]);
}

/** @throws Fault 467 when the key is another one, or a byte was changed or cut off. */
export function unsealed(key: Uint8Array, stored: Uint8Array): Uint8Array {
  const body = sealMark.length + nonceBytes + tagBytes;
  const [nonce, tag] = [stored.subarray(sealMark.length, body - tagBytes), stored.subarray(body - tagBytes, body)];
  try {
    const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
    decipher.setAAD(sealMark).setAuthTag(tag);
    return Buffer.concat([decipher.update(stored.subarray(body)), decipher.final()]);
  } catch {
    throw siteFault.otherSeal();
  }
}

/** Whether a site's key folder holds a file that no one can read without the key it was sealed with. */
export function holdsSealedKeys(folder: string): boolean {
  return storedIn(folder).some(({ stored }) => isSealed(stored));
}

/**
 * Opens the sealing of a site's key folder and finishes what a crash interrupted: with a key every plain file is sealed. A file that
 * the disk, full perhaps, does not let seal stays plain and is read as such: `isComplete` tells, and `sealRest` tries again.
 * @param key 32 bytes; null where nothing is sealed.
 */
export function openKeySealing(folder: string, key: Uint8Array | null): SwitchableSealing {
  let current: Uint8Array | null = null;
  const unsealKeys = (stored: Uint8Array): Uint8Array => {
    if (!isSealed(stored)) return stored;
    if (current === null) throw siteFault.otherSeal();
    return unsealed(current, stored);
  };
  const hold = (next: Uint8Array): void => {
    if (next.length !== sealingKeyBytes) throw new Error(`a sealing key of ${next.length} bytes`);
    if (current !== null) throw new Error('the keys are sealed already');
    current = next;
  };
  const sealRest = (): void => {
    if (current === null) return;
    for (const { file, stored } of storedIn(folder)) if (isPlain(stored)) rewrite(file, sealed(current, stored));
  };

  for (const name of Object.values(keyFiles)) rmSync(besideOf(path.join(folder, name)), { force: true });
  if (key !== null) {
    hold(key);
    try {
      sealRest();
    } catch {
      // Plain keys open too: a full disk must not keep a station from opening.
    }
  }
  return {
    get isOn() {
      return current !== null;
    },
    get isComplete() {
      return current !== null && !storedIn(folder).some(({ stored }) => isPlain(stored));
    },
    sealKeys: (keys) => (current === null ? keys : sealed(current, keys)),
    unsealKeys,
    seal(next) {
      hold(next);
      sealRest();
    },
    sealRest,
    unseal() {
      // All are opened before one is written.
      const plain = storedIn(folder).map(({ file, stored }) => ({ file, keys: unsealKeys(stored) }));
      for (const { file, keys } of plain) rewrite(file, keys);
      current = null;
    },
  };
}

function isSealed(stored: Uint8Array): boolean {
  return sealMark.equals(stored.subarray(0, sealMark.length));
}

/** What is neither plain nor sealed is damaged: it stays as it is, and who opens it says so. */
function isPlain(stored: Uint8Array): boolean {
  return stored[0] === plainMark;
}

function storedIn(folder: string): { file: string; stored: Uint8Array }[] {
  return Object.values(keyFiles)
    .map((name) => path.join(folder, name))
    .filter((file) => existsSync(file))
    .map((file) => ({ file, stored: readFileSync(file) }));
}

/** One name, so that what a crash leaves, which may be plain keys, is found and removed. */
function besideOf(file: string): string {
  return `${file}.new`;
}

function rewrite(file: string, bytes: Uint8Array): void {
  writeFileDurably(file, bytes, 0o600, { beside: besideOf(file) });
}
