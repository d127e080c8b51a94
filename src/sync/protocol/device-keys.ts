// A device's two key pairs: Ed25519 to sign, X25519 to receive sealed models. Only algorithms that BoringSSL has too.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign as signBytes,
  verify as verifyBytes,
  type KeyObject,
} from 'node:crypto';
import { z } from 'zod';

/** 32 raw bytes, base64url: an Ed25519 or X25519 public key. */
export const publicKeySchema = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
export const fingerprintSchema = z.string().regex(/^[0-9a-f]{64}$/);

export interface DeviceKeys {
  /** SHA-256 (hex) of the raw Ed25519 public key: the device's name on the wire. */
  readonly fingerprint: string;
  readonly publicKey: string;
  readonly boxPublicKey: string;
  readonly signingKey: KeyObject;
  readonly boxKey: KeyObject;
}

const storedKeysSchema = z.object({ version: z.literal(1), signing: z.string(), box: z.string() });

/** New keys, which exist nowhere else until they are written. */
export function createDeviceKeys(): DeviceKeys {
  return deviceKeys(generateKeyPairSync('ed25519').privateKey, generateKeyPairSync('x25519').privateKey);
}

/** The keys as bytes, to be sealed before they touch a disk. */
export function encodeDeviceKeys(keys: DeviceKeys): Uint8Array {
  const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }) as string;
  return Buffer.from(JSON.stringify({ version: 1, signing: pem(keys.signingKey), box: pem(keys.boxKey) }));
}

/** @throws any error when the bytes are not keys that `encodeDeviceKeys` wrote. */
export function decodeDeviceKeys(bytes: Uint8Array): DeviceKeys {
  const stored = storedKeysSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  return deviceKeys(createPrivateKey(stored.signing), createPrivateKey(stored.box));
}

function deviceKeys(signingKey: KeyObject, boxKey: KeyObject): DeviceKeys {
  const publicKey = rawPublicKey(signingKey);
  return { fingerprint: fingerprintOf(publicKey), publicKey, boxPublicKey: rawPublicKey(boxKey), signingKey, boxKey };
}

/** The raw public half of a private key, base64url. */
export function rawPublicKey(privateKey: KeyObject): string {
  const jwk = createPublicKey(privateKey).export({ format: 'jwk' });
  return publicKeySchema.parse(jwk.x);
}

/** @param raw base64url, as `rawPublicKey` gives it. @throws what Node throws where it is no key of this curve */
export function publicKeyObject(curve: 'Ed25519' | 'X25519', raw: string): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: curve, x: raw }, format: 'jwk' });
}

/** A device's name everywhere: the SHA-256 of its raw signing key, 64 hex digits. @param publicKey base64url */
export function fingerprintOf(publicKey: string): string {
  return createHash('sha256').update(Buffer.from(publicKey, 'base64url')).digest('hex');
}

/** Ed25519, base64url. */
export function signatureOf(bytes: Uint8Array, signingKey: KeyObject): string {
  return signBytes(null, bytes, signingKey).toString('base64url');
}

/** False as well where the key or the signature is none: both come from the wire. */
export function isSignatureOf(bytes: Uint8Array, signature: string, publicKey: string): boolean {
  try {
    return verifyBytes(null, bytes, publicKeyObject('Ed25519', publicKey), Buffer.from(signature, 'base64url'));
  } catch {
    return false;
  }
}
