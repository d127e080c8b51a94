// A site's part: its update in the ring, under a mask that nothing short of the whole buffer takes off.
import type { Weights } from '../aggregation/weights.ts';
import type { BufferSecrets } from './buffer-keys.ts';
import { encodeRing } from './fixed-point-ring.ts';
import { addMask, pairMaskKey, pairSign, selfMaskKey } from './masks.ts';

export interface MaskingMember {
  /** Fingerprint. */
  readonly site: string;
  /** X25519, of this buffer. */
  readonly maskKey: string;
}

/**
 * `share × update` + the site's own mask ± the masks that it shares with every other member, modulo 2³². The same order gives the
 * same bytes; two updates under the same secrets would tell their difference, so secrets serve one update.
 * @throws Fault 593 for a value beyond ±511.
 */
export function maskedUpdate(order: {
  readonly update: Weights;
  readonly share: number;
  readonly secrets: BufferSecrets;
  readonly site: string;
  readonly buffer: string;
  readonly members: readonly MaskingMember[];
}): Uint32Array {
  const { secrets, site, buffer } = order;
  const place = { site, buffer };
  const ring = encodeRing(order.update, order.share);
  addMask(ring, selfMaskKey(Buffer.from(secrets.seed, 'base64url'), place), 1);
  for (const peer of order.members) {
    if (peer.site === site) continue;
    const key = pairMaskKey(secrets.maskKey, { site: peer.site, publicKey: peer.maskKey }, place);
    addMask(ring, key, pairSign(site, peer.site));
  }
  return ring;
}
