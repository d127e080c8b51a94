// Masks (Bonawitz et al. 2017, 10.1145/3133956.3133982): each pair of sites derives a stream of numbers that one adds and the other
// takes away, and each site adds one of its own. Streams are AES-256-CTR under keys that HKDF-SHA-256 binds to the buffer.
import { createCipheriv, diffieHellman, hkdfSync } from 'node:crypto';
import { publicKeyObject } from '../protocol/device-keys.ts';
import { asSigned, ringOfBytes } from './fixed-point-ring.ts';
import { type BufferKey, privateKeyObject } from './buffer-keys.ts';

const keyBytes = 32;
/** Each stream key is used once, so that the counter may start at 0. */
const firstCounter = Buffer.alloc(16);
const pieceBytes = 1024 * 1024;
const zeros = Buffer.alloc(pieceBytes);

/** Who masks against whom, in which buffer: the SHA-256 (hex) of its roster. Sites by fingerprint. */
export interface MaskPlace {
  readonly buffer: string;
  readonly site: string;
}

/** A site's own mask, from its seed. */
export function selfMaskKey(seed: Uint8Array, { buffer, site }: MaskPlace): Uint8Array {
  return derived(seed, `self mask\n${buffer}\n${site}`);
}

/** The key that a site and its peer share: the same from either side. */
export function pairMaskKey(
  own: BufferKey,
  peer: { readonly site: string; readonly publicKey: string },
  { buffer, site }: MaskPlace,
): Uint8Array {
  const secret = diffieHellman({
    privateKey: privateKeyObject(own),
    publicKey: publicKeyObject('X25519', peer.publicKey),
  });
  return derived(secret, `pair mask\n${buffer}\n${[site, peer.site].sort().join('\n')}`);
}

/** Whether a site adds the stream that it shares with a peer, or takes it away: the opposite of what the peer does. */
export function pairSign(site: string, peer: string): 1 | -1 {
  return site < peer ? 1 : -1;
}

/** Adds (or takes away) the stream of a key, in place, modulo 2³². Memory: 2 MiB whatever the length. */
export function addMask(ring: Uint32Array, key: Uint8Array, sign: 1 | -1): void {
  const sum = asSigned(ring);
  const cipher = createCipheriv('aes-256-ctr', key, firstCounter);
  for (let at = 0; at < ring.length; at += pieceBytes / 4) {
    const count = Math.min(pieceBytes / 4, ring.length - at);
    const stream = asSigned(ringOfBytes(cipher.update(zeros.subarray(0, count * 4))));
    if (sign === 1)
      for (let index = 0; index < count; index += 1) sum[at + index] = (sum[at + index]! + stream[index]!) | 0;
    else for (let index = 0; index < count; index += 1) sum[at + index] = (sum[at + index]! - stream[index]!) | 0;
  }
}

function derived(secret: Uint8Array, purpose: string): Uint8Array {
  return new Uint8Array(
    hkdfSync('sha256', secret, new Uint8Array(0), Buffer.from(`imagiq.sync.v1 ${purpose}`), keyBytes),
  );
}
