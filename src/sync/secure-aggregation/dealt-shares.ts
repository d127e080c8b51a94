// A site's two secrets in shares for every member of its buffer (Shamir, t of n, over GF(2⁸): the audited library of
// docs/decisions/0008), each pair sealed for its recipient: X25519 of both sites' share keys, HKDF-SHA-256, AES-256-GCM.
// The hub relays them and can open none.
import { createHash, diffieHellman, hkdfSync } from 'node:crypto';
import { combine, split } from 'shamir-secret-sharing';
import { z } from 'zod';
import { publicKeyObject } from '../protocol/device-keys.ts';
import { open, seal } from '../protocol/sealed-model.ts';
import type { StatementOf } from '../protocol/statement.ts';
import { type BufferKey, type BufferSecrets, privateKeyObject } from './buffer-keys.ts';
import { maskingFault } from './faults.ts';
import { maskingLimits } from './limits.ts';

const shareBytes = maskingLimits.secretBytes + 1;

/** What a dealer tells everyone of the shares for one recipient: the sealed pair, and hashes by which a wrong share is known. */
export type DealtShare = StatementOf<'mask-shares'>['shares'][number];

/** One share, base64url. */
const shareSchema = z.string().regex(/^[A-Za-z0-9_-]{44}$/);

/** A share of a peer's mask key, and one of its seed. */
export const heldSharesSchema = z.object({ keyShare: shareSchema, seedShare: shareSchema });
export type HeldShares = z.infer<typeof heldSharesSchema>;

export interface ShareRecipient {
  readonly site: string;
  /** Its X25519 share key. */
  readonly shareKey: string;
}

/** Deals both secrets to all members of a buffer, the dealer among them. */
export async function dealShares(order: {
  readonly secrets: BufferSecrets;
  readonly dealer: string;
  readonly buffer: string;
  readonly threshold: number;
  readonly recipients: readonly ShareRecipient[];
}): Promise<readonly DealtShare[]> {
  const { secrets, recipients, threshold } = order;
  const inShares = async (secret: string): Promise<string[]> => {
    const shares = await split(new Uint8Array(Buffer.from(secret, 'base64url')), recipients.length, threshold);
    return shares.map((share) => Buffer.from(share).toString('base64url'));
  };
  const [keyShares, seedShares] = [await inShares(secrets.maskKey.secret), await inShares(secrets.seed)];
  return recipients.map((recipient, index) => {
    const [keyShare, seedShare] = [keyShares[index]!, seedShares[index]!];
    const plain = Buffer.concat([Buffer.from(keyShare, 'base64url'), Buffer.from(seedShare, 'base64url')]);
    const key = sharingKey(secrets.shareKey, recipient.shareKey, order.buffer, order.dealer, recipient.site);
    return {
      recipient: recipient.site,
      sealed: Buffer.from(seal(plain, key, order.buffer)).toString('base64url'),
      keyShareHash: shareHash(keyShare),
      seedShareHash: shareHash(seedShare),
    };
  });
}

/**
 * Opens what a dealer sealed for this site. @throws Fault 585 when it is for another, was changed, or is not what the dealer's hashes say.
 */
export function openShares(order: {
  readonly dealt: DealtShare;
  readonly dealer: ShareRecipient & { readonly name: string };
  readonly own: { readonly site: string; readonly shareKey: BufferKey };
  readonly buffer: string;
}): HeldShares {
  const { dealt, dealer, own } = order;
  let plain: Uint8Array;
  try {
    const key = sharingKey(own.shareKey, dealer.shareKey, order.buffer, dealer.site, own.site);
    plain = open(Buffer.from(dealt.sealed, 'base64url'), key, order.buffer);
  } catch {
    throw maskingFault.badShares(dealer.name, 'they cannot be opened here');
  }
  const text = (from: number): string => Buffer.from(plain.subarray(from, from + shareBytes)).toString('base64url');
  const held = { keyShare: text(0), seedShare: text(shareBytes) };
  if (plain.length !== 2 * shareBytes) throw maskingFault.badShares(dealer.name, 'they are of another size');
  if (shareHash(held.keyShare) !== dealt.keyShareHash || shareHash(held.seedShare) !== dealt.seedShareHash) {
    throw maskingFault.badShares(dealer.name, 'they are not the ones that it says it dealt');
  }
  return held;
}

/** A secret from at least `threshold` of its shares; from wrong or too few ones other bytes, which the caller must notice. */
export async function secretOfShares(shares: readonly string[]): Promise<Uint8Array> {
  return combine(shares.map((share) => new Uint8Array(Buffer.from(share, 'base64url'))));
}

/** Names a share without giving it away: 32 of its bytes are random. */
export function shareHash(share: string): string {
  return createHash('sha256').update('imagiq.sync.v1 share\n').update(Buffer.from(share, 'base64url')).digest('hex');
}

/** The seed's commitment: what is put together later is the seed only if it has this hash. */
export function seedHash(seed: Uint8Array): string {
  return createHash('sha256').update('imagiq.sync.v1 seed\n').update(seed).digest('hex');
}

function sharingKey(own: BufferKey, peer: string, buffer: string, dealer: string, recipient: string): Uint8Array {
  const secret = diffieHellman({ privateKey: privateKeyObject(own), publicKey: publicKeyObject('X25519', peer) });
  const purpose = Buffer.from(`imagiq.sync.v1 mask shares\n${buffer}\n${dealer}\n${recipient}`);
  return new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(0), purpose, 32));
}
