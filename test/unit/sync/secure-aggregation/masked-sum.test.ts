import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Weights } from '../../../../src/sync/aggregation/weights.ts';
import {
  bufferKeyOf,
  type BufferSecrets,
  createBufferSecrets,
} from '../../../../src/sync/secure-aggregation/buffer-keys.ts';
import {
  dealShares,
  openShares,
  secretOfShares,
  seedHash,
  shareHash,
} from '../../../../src/sync/secure-aggregation/dealt-shares.ts';
import {
  addToRing,
  decodeRing,
  encodeRing,
  ringBytes,
  ringOfBytes,
} from '../../../../src/sync/secure-aggregation/fixed-point-ring.ts';
import { maskedUpdate } from '../../../../src/sync/secure-aggregation/masked-update.ts';
import { addMask } from '../../../../src/sync/secure-aggregation/masks.ts';
import { unmask } from '../../../../src/sync/secure-aggregation/unmasking.ts';

const buffer = 'b'.repeat(64);
const layoutOf = (values: Float32Array): Weights =>
  new Map([
    ['kernel', { shape: [values.length - 3], values: values.subarray(0, -3) }],
    ['bias', { shape: [3], values: values.subarray(-3) }],
  ]);

interface Member {
  readonly site: string;
  readonly secrets: BufferSecrets;
  readonly update: Weights;
  readonly share: number;
}

/** Members with random updates of up to ±`magnitude`, shares that add up to 1. */
function membersOf(count: number, parameters: number, magnitude = 1): Member[] {
  const examples = Array.from({ length: count }, (_, index) => 100 + 37 * index);
  const total = examples.reduce((sum, n) => sum + n, 0);
  return examples.map((n, index) => ({
    site: createHash('sha256').update(`site ${index}`).digest('hex'),
    secrets: createBufferSecrets(),
    update: layoutOf(Float32Array.from({ length: parameters }, () => (Math.random() * 2 - 1) * magnitude)),
    share: n / total,
  }));
}
const maskedOf = (member: Member, members: readonly Member[]): Uint32Array =>
  maskedUpdate({
    ...member,
    buffer,
    members: members.map(({ site, secrets }) => ({ site, maskKey: secrets.maskKey.publicKey })),
  });

async function unmasked(members: readonly Member[], missing: readonly Member[]): Promise<Uint32Array> {
  const counted = members.filter((member) => !missing.includes(member));
  const sum = new Uint32Array([...members[0]!.update.values()].reduce((n, { values }) => n + values.length, 0));
  for (const member of counted) addToRing(sum, maskedOf(member, members));
  await unmask({
    sum,
    buffer,
    counted: counted.map(({ site, secrets }) => ({
      site,
      maskKey: secrets.maskKey.publicKey,
      seed: Buffer.from(secrets.seed, 'base64url'),
    })),
    // As the hub has it: from the private bytes alone.
    missing: missing.map(({ site, secrets }) => ({
      site,
      maskKey: bufferKeyOf(Buffer.from(secrets.maskKey.secret, 'base64url')),
    })),
  });
  return sum;
}
function plainSum(members: readonly Member[]): Uint32Array {
  const sum = encodeRing(members[0]!.update, members[0]!.share);
  for (const { update, share } of members.slice(1)) addToRing(sum, encodeRing(update, share));
  return sum;
}

describe('the sum of masked updates', () => {
  it.each([
    [3, 0],
    [6, 2],
    [10, 3],
  ])('of %i sites of which %i drop out is exactly the sum of the open ones', async (sites, gone) => {
    const members = membersOf(sites, 5_003);
    // Not the first or the last ones: signs of both kinds are undone.
    const missing = members.filter((_, index) => index % 3 === 1).slice(0, gone);
    expect(missing).toHaveLength(gone);
    const left = members.filter((member) => !missing.includes(member));
    expect(await unmasked(members, missing)).toEqual(plainSum(left));
  });

  it('is within half a unit per site of what floating point gives, also at the largest values', async () => {
    const members = membersOf(10, 103, 511);
    const sum = await unmasked(members, []);
    let from = 0;
    for (const [name, { values }] of members[0]!.update) {
      const numbers = new Float64Array(values.length);
      decodeRing(sum.subarray(from, from + values.length), numbers, 1);
      from += values.length;
      numbers.forEach((number, index) => {
        const exact = members.reduce((sum, { update, share }) => sum + share * update.get(name)!.values[index]!, 0);
        expect(Math.abs(number - exact)).toBeLessThanOrEqual((10 * 0.5) / 2 ** 22 + 1e-12);
      });
    }
    const edge = layoutOf(new Float32Array(7).fill(-511));
    const numbers = new Float64Array(7);
    decodeRing(encodeRing(edge, 1), numbers, 1);
    expect([...numbers]).toEqual([-511, -511, -511, -511, -511, -511, -511]);
    expect(() => encodeRing(layoutOf(new Float32Array(7).fill(512)), 0.1)).toThrow('±511');
    expect(() => encodeRing(layoutOf(new Float32Array(7).fill(Number.NaN)), 0.1)).toThrow('±511');
  });

  it('stays masked while one counted site’s seed, or one missing site’s key, is not known', async () => {
    const members = membersOf(4, 1_003);
    const sum = plainSum(members.slice(1));
    const [gone, ...counted] = members;
    const masked = new Uint32Array(sum.length);
    for (const member of counted) addToRing(masked, maskedOf(member, members));
    const entries = counted.map(({ site, secrets }) => ({
      site,
      maskKey: secrets.maskKey.publicKey,
      seed: Buffer.from(secrets.seed, 'base64url'),
    }));
    const missing = [{ site: gone!.site, maskKey: gone!.secrets.maskKey }];
    const equalNumbers = (found: Uint32Array): number => found.filter((n, index) => n === sum[index]).length;
    const withoutSeed = masked.slice();
    await unmask({ sum: withoutSeed, buffer, counted: entries.slice(1), missing });
    expect(equalNumbers(withoutSeed)).toBeLessThan(3);
    const withoutKey = masked.slice();
    await unmask({ sum: withoutKey, buffer, counted: entries, missing: [] });
    expect(equalNumbers(withoutKey)).toBeLessThan(3);
    // A roster that one site was shown differently is another buffer: nothing cancels.
    const split = masked.slice();
    await unmask({ sum: split, buffer: 'c'.repeat(64), counted: entries, missing });
    expect(equalNumbers(split)).toBeLessThan(3);
  });
});

describe('a masked update', () => {
  it('looks like random bytes, whatever the update is: chi-square over the values of a byte', () => {
    const members = membersOf(3, 50_003, 0);
    const masked = ringBytes(maskedOf(members[1]!, members));
    const plain = ringBytes(encodeRing(members[1]!.update, 1));
    const chiSquare = (bytes: Uint8Array): number => {
      const counts = new Float64Array(256);
      for (const byte of bytes) counts[byte]! += 1;
      const expected = bytes.length / 256;
      return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    };
    // 255 degrees of freedom: mean 255, standard deviation 22.6. Six of these above the mean happens once in 10⁷ by chance.
    expect(chiSquare(masked)).toBeLessThan(255 + 6 * 22.6);
    expect(chiSquare(plain)).toBeGreaterThan(10_000);
  });

  it('is another in another buffer, and the same when it is made again', () => {
    const members = membersOf(3, 1_003);
    const again = maskedOf(members[0]!, members);
    expect(maskedOf(members[0]!, members)).toEqual(again);
    const elsewhere = maskedUpdate({
      ...members[0]!,
      buffer: 'c'.repeat(64),
      members: members.map(({ site, secrets }) => ({ site, maskKey: secrets.maskKey.publicKey })),
    });
    expect(elsewhere.filter((n, index) => n === again[index]).length).toBeLessThan(3);
  });

  it('of odd length, at an odd place in memory, is read as it was written', () => {
    const ring = new Uint32Array([1, 2 ** 31, 2 ** 32 - 1]);
    const shifted = new Uint8Array(13);
    shifted.set(ringBytes(ring), 1);
    expect(ringOfBytes(shifted.subarray(1))).toEqual(ring);
    const long = new Uint32Array(600_001);
    const key = randomBytes(32);
    addMask(long, key, 1);
    expect(long.some((n) => n !== 0)).toBe(true);
    addMask(long, key, -1);
    expect(long.every((n) => n === 0)).toBe(true);
  });
});

describe('dealt shares', () => {
  const members = membersOf(5, 10);
  const recipients = members.map(({ site, secrets }) => ({ site, shareKey: secrets.shareKey.publicKey }));
  const dealer = members[0]!;
  const dealt = dealShares({ secrets: dealer.secrets, dealer: dealer.site, buffer, threshold: 3, recipients });
  const held = async (index: number, changes = {}): Promise<{ keyShare: string; seedShare: string }> =>
    openShares({
      dealt: (await dealt)[index]!,
      dealer: { site: dealer.site, shareKey: dealer.secrets.shareKey.publicKey, name: 'Lyon' },
      own: { site: members[index]!.site, shareKey: members[index]!.secrets.shareKey },
      buffer,
      ...changes,
    });

  it('give both secrets back from any three of five, and nothing from two', async () => {
    const all = await Promise.all(members.map((_, index) => held(index)));
    for (const chosen of [
      [0, 1, 2],
      [4, 2, 0],
      [1, 3, 4],
    ]) {
      const seed = await secretOfShares(chosen.map((index) => all[index]!.seedShare));
      expect(Buffer.from(seed).toString('base64url')).toBe(dealer.secrets.seed);
      const key = bufferKeyOf(await secretOfShares(chosen.map((index) => all[index]!.keyShare)));
      expect(key).toEqual(dealer.secrets.maskKey);
    }
    const two = await secretOfShares([all[0]!.seedShare, all[1]!.seedShare]);
    expect(seedHash(two)).not.toBe(seedHash(Buffer.from(dealer.secrets.seed, 'base64url')));
    expect((await dealt).map(({ seedShareHash }) => seedShareHash)).toEqual(all.map((one) => shareHash(one.seedShare)));
  });

  it('are opened by their recipient only, in their buffer only, and only as they were dealt', async () => {
    await expect(held(1, { own: { site: members[1]!.site, shareKey: members[2]!.secrets.shareKey } })).rejects.toThrow(
      'cannot be opened',
    );
    await expect(held(1, { own: { site: members[2]!.site, shareKey: members[1]!.secrets.shareKey } })).rejects.toThrow(
      'cannot be opened',
    );
    await expect(held(1, { buffer: 'c'.repeat(64) })).rejects.toThrow('cannot be opened');
    await expect(held(1, { dealt: (await dealt)[2]! })).rejects.toThrow('cannot be opened');
    await expect(held(1, { dealt: { ...(await dealt)[1]!, keyShareHash: '0'.repeat(64) } })).rejects.toMatchObject({
      code: 585,
      message: expect.stringContaining('Lyon'),
    });
  });
});
