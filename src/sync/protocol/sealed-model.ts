// Models sealed end to end: AES-256-GCM under a fresh key, that key wrapped for each recipient by X25519 and HKDF-SHA-256.
// The relay sees lengths and hashes, never weights.
import {
  createCipheriv,
  createDecipheriv,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  randomBytes,
} from 'node:crypto';
import { type DeviceKeys, publicKeyObject, rawPublicKey } from './device-keys.ts';
import { wireFault } from './faults.ts';

const ivBytes = 12;
const tagBytes = 16;
const keyBytes = 32;
const boxKeyBytes = 32;

export interface SealedModel {
  readonly sealed: Uint8Array;
  /** Never leaves the author except wrapped by `wrapKey`. */
  readonly contentKey: Uint8Array;
}

/** `context` (the model's hash) is authenticated with the bytes: a sealed model cannot pass for another. */
export function sealModel(weights: Uint8Array, context: string): SealedModel {
  const contentKey = randomBytes(keyBytes);
  return { sealed: seal(weights, contentKey, context), contentKey };
}

export function openModel(sealed: Uint8Array, contentKey: Uint8Array, context: string): Uint8Array {
  return open(sealed, contentKey, context);
}

/** The content key for one recipient: ephemeral public key ‖ iv ‖ wrapped key ‖ tag, base64url. */
export function wrapKey(contentKey: Uint8Array, recipientBoxKey: string, context: string): string {
  const ephemeral = generateKeyPairSync('x25519').privateKey;
  const shared = diffieHellman({ privateKey: ephemeral, publicKey: publicKeyObject('X25519', recipientBoxKey) });
  const ephemeralPublic = rawPublicKey(ephemeral);
  const key = wrappingKey(shared, ephemeralPublic, recipientBoxKey);
  return Buffer.concat([Buffer.from(ephemeralPublic, 'base64url'), seal(contentKey, key, context)]).toString(
    'base64url',
  );
}

/** @throws Fault 411 when the key was wrapped for someone else, or was changed. */
export function unwrapKey(wrapped: string, keys: DeviceKeys, context: string): Uint8Array {
  try {
    const bytes = Buffer.from(wrapped, 'base64url');
    const ephemeralPublic = bytes.subarray(0, boxKeyBytes).toString('base64url');
    const publicKey = publicKeyObject('X25519', ephemeralPublic);
    const shared = diffieHellman({ privateKey: keys.boxKey, publicKey });
    return open(bytes.subarray(boxKeyBytes), wrappingKey(shared, ephemeralPublic, keys.boxPublicKey), context);
  } catch {
    throw wireFault.sealBroken();
  }
}

/** Both public keys go into the derivation, so that the key belongs to this pair and no other. */
function wrappingKey(shared: Uint8Array, ephemeralPublic: string, recipientPublic: string): Uint8Array {
  const parties = Buffer.from(`imagiq.sync.v1 model key\n${ephemeralPublic}\n${recipientPublic}`);
  return new Uint8Array(hkdfSync('sha256', shared, new Uint8Array(0), parties, keyBytes));
}

export function seal(plain: Uint8Array, key: Uint8Array, context: string): Uint8Array {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(context));
  return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** @throws Fault 411 when key, context or bytes are not the sealed ones. */
export function open(sealed: Uint8Array, key: Uint8Array, context: string): Uint8Array {
  try {
    if (sealed.length < ivBytes + tagBytes) throw wireFault.sealBroken();
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, ivBytes)).setAAD(Buffer.from(context));
    decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
    return Buffer.concat([decipher.update(sealed.subarray(ivBytes, sealed.length - tagBytes)), decipher.final()]);
  } catch {
    throw wireFault.sealBroken();
  }
}
