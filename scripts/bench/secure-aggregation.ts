// What secure aggregation adds: 10 sites with a network of 1.9 million weights, 3 of them drop out. Everything that sites and hub compute,
// one after the other, in seconds of the processor; the lines between them and the waiting are not in it.
import { createHash } from 'node:crypto';
import os from 'node:os';
import { updateFormSchema } from '../../src/contract/federation.ts';
import { weightedSum } from '../../src/sync/aggregation/weighted-sum.ts';
import { decodeUpdate, encodeUpdate } from '../../src/sync/aggregation/update.ts';
import type { Weights } from '../../src/sync/aggregation/weights.ts';
import { bufferKeyOf, createBufferSecrets } from '../../src/sync/secure-aggregation/buffer-keys.ts';
import {
  type DealtShare,
  dealShares,
  openShares,
  secretOfShares,
  seedHash,
} from '../../src/sync/secure-aggregation/dealt-shares.ts';
import { addToRing, decodeRing } from '../../src/sync/secure-aggregation/fixed-point-ring.ts';
import { maskedUpdate } from '../../src/sync/secure-aggregation/masked-update.ts';
import { unmask } from '../../src/sync/secure-aggregation/unmasking.ts';
import { lessIsBetter, type Measurement } from './measurement.ts';

const parameters = 1_900_000;
const sites = 10;
const missing = 3;
const threshold = 6;
const buffer = createHash('sha256').update('bench').digest('hex');

export async function secureAggregation(): Promise<Measurement[]> {
  const begun = performance.now();
  const spent = { dealing: 0, masking: 0, hub: 0, open: 0 };
  const timed = async <T>(part: keyof typeof spent, work: () => T | Promise<T>): Promise<T> => {
    const before = process.cpuUsage();
    const value = await work();
    const { user, system } = process.cpuUsage(before);
    spent[part] += (user + system) / 1e6;
    return value;
  };
  const members = Array.from({ length: sites }, (_, index) => ({
    site: createHash('sha256').update(`site ${index}`).digest('hex'),
    secrets: createBufferSecrets(),
    update: updateOf(index),
    share: 1 / sites,
  }));
  const recipients = members.map(({ site, secrets }) => ({ site, shareKey: secrets.shareKey.publicKey }));
  const maskKeys = members.map(({ site, secrets }) => ({ site, maskKey: secrets.maskKey.publicKey }));
  const counted = members.slice(0, sites - missing);

  // Every site deals to every other and opens what it was dealt; t of the seven reveal.
  const dealt: (readonly DealtShare[])[] = [];
  for (const { site, secrets } of members) {
    dealt.push(await timed('dealing', () => dealShares({ secrets, dealer: site, buffer, threshold, recipients })));
  }
  const held = await timed('dealing', () =>
    members.map(({ site: own, secrets }, index) =>
      dealt.map((shares, dealer) =>
        openShares({
          dealt: shares[index]!,
          dealer: { ...recipients[dealer]!, name: `site ${dealer}` },
          own: { site: own, shareKey: secrets.shareKey },
          buffer,
        }),
      ),
    ),
  );
  const masked: Uint32Array[] = [];
  for (const member of counted) {
    masked.push(await timed('masking', () => maskedUpdate({ ...member, buffer, members: maskKeys })));
  }
  const sum = new Uint32Array(parameters);
  await timed('hub', async () => {
    const secretOf = async (dealer: number, kind: 'keyShare' | 'seedShare'): Promise<Uint8Array> =>
      secretOfShares(held.slice(0, threshold).map((shares) => shares[dealer]![kind]));
    const seeds = await Promise.all(counted.map((_, dealer) => secretOf(dealer, 'seedShare')));
    const keys = await Promise.all(
      members.slice(sites - missing).map((_, gone) => secretOf(sites - missing + gone, 'keyShare')),
    );
    seeds.forEach((seed) => seedHash(seed));
    for (const one of masked) addToRing(sum, one);
    await unmask({
      sum,
      buffer,
      counted: counted.map(({ site }, index) => ({ site, maskKey: maskKeys[index]!.maskKey, seed: seeds[index]! })),
      missing: keys.map((key, gone) => ({ site: members[sites - missing + gone]!.site, maskKey: bufferKeyOf(key) })),
    });
  });
  const layout = members[0]!.update;
  const found = new Float64Array(parameters);
  decodeRing(sum, found, sites / counted.length);

  const form = updateFormSchema.parse({});
  await timed('open', () => {
    const open = counted.map(({ update }) => encodeUpdate(update, form));
    weightedSum(open.map((bytes) => ({ weights: decodeUpdate(bytes, { layout, form }), factor: 1 / counted.length })));
  });
  let error = 0;
  for (let index = 0; index < parameters; index += 1) {
    const exact =
      counted.reduce((total, { update }) => total + update.get('weights')!.values[index]!, 0) / counted.length;
    error = Math.max(error, Math.abs(found[index]! - exact));
  }
  const rounding = (counted.length * 0.5 * (sites / counted.length)) / 2 ** 22;
  const wall = (performance.now() - begun) / 1000;
  const all = spent.dealing + spent.masking + spent.hub;
  const load = `load ${os.loadavg()[0]!.toFixed(0)} on ${os.cpus().length} cores`;
  return [
    lessIsBetter(
      '10 sites × 1.9 M weights, 3 drop out: all that is added',
      'CPU s',
      all - spent.open,
      [],
      `open updates ${spent.open.toFixed(2)} s, taken off; all in ${wall.toFixed(0)} s of the clock at ${load}`,
    ),
    lessIsBetter('of it dealing and opening key shares, all sites', 'CPU s', spent.dealing, []),
    lessIsBetter('of it masking, one site', 'CPU s', spent.masking / counted.length, []),
    lessIsBetter('of it taking the masks off, the hub', 'CPU s', spent.hub, []),
    lessIsBetter('largest error of the mean', 'of a weight', error, [
      { name: 'what rounding allows', value: rounding },
    ]),
  ];
}

/** Other numbers for each site, as large as an update's are. */
function updateOf(index: number): Weights {
  const values = new Float32Array(parameters);
  for (let at = 0; at < parameters; at += 1) {
    values[at] = (((at * 2_654_435_761 + index * 40_503) >>> 0) / 2 ** 32 - 0.5) * 1e-2;
  }
  return new Map([['weights', { shape: [parameters], values }]]);
}
