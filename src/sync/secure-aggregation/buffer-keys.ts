// The two X25519 pairs and the seed that a site makes for one offer, and never uses for another.
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { publicKeySchema, rawPublicKey } from '../protocol/device-keys.ts';
import { maskingLimits } from './limits.ts';

/** RFC 8410: what stands before the 32 bytes of an X25519 private key in PKCS #8. */
const pkcs8Head = Buffer.from('302e020100300506032b656e04220420', 'hex');
/** 32 bytes, base64url. */
const secretSchema = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

const bufferKeySchema = z.object({ secret: secretSchema, publicKey: publicKeySchema });
/** An X25519 pair as text: the raw private and public bytes. */
export type BufferKey = z.infer<typeof bufferKeySchema>;

export const bufferSecretsSchema = z.object({
  /** Pair masks come from it. It is dealt in shares, and put together when its owner drops out. */
  maskKey: bufferKeySchema,
  /** Opens the shares that peers deal to this site. Never dealt. */
  shareKey: bufferKeySchema,
  /** The self mask comes from it. It is dealt in shares, and put together when its owner's masked update arrived. */
  seed: secretSchema,
});
export type BufferSecrets = z.infer<typeof bufferSecretsSchema>;

export function createBufferSecrets(): BufferSecrets {
  return {
    maskKey: createBufferKey(),
    shareKey: createBufferKey(),
    seed: randomBytes(maskingLimits.secretBytes).toString('base64url'),
  };
}

function createBufferKey(): BufferKey {
  const { privateKey } = generateKeyPairSync('x25519');
  const der = privateKey.export({ type: 'pkcs8', format: 'der' });
  return bufferKeyOf(der.subarray(pkcs8Head.length));
}

/** The pair of 32 private bytes. */
export function bufferKeyOf(secret: Uint8Array): BufferKey {
  const text = Buffer.from(secret).toString('base64url');
  return { secret: text, publicKey: rawPublicKey(privateKeyOf(text)) };
}

export function privateKeyObject(key: BufferKey): KeyObject {
  return privateKeyOf(key.secret);
}

function privateKeyOf(secret: string): KeyObject {
  const der = Buffer.concat([pkcs8Head, Buffer.from(secret, 'base64url')]);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}
