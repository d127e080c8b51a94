// The sum of a masked buffer's updates with the masks off: from the shares that its members revealed, each secret checked against what its
// dealer said before.
import { parseStatement, type StatementOf } from '../protocol/statement.ts';
import { type BufferKey, bufferKeyOf } from '../secure-aggregation/buffer-keys.ts';
import { secretOfShares, seedHash } from '../secure-aggregation/dealt-shares.ts';
import { maskingFault } from '../secure-aggregation/faults.ts';
import { addToRing, ringOfBytes } from '../secure-aggregation/fixed-point-ring.ts';
import { unmask } from '../secure-aggregation/unmasking.ts';
import type { ArrivedUpdate, OpenMaskedBuffer } from './masked-store.ts';

/** What a member of the buffer dealt. */
export function dealtBy(buffer: OpenMaskedBuffer, site: string): StatementOf<'mask-shares'> {
  return parseStatement('mask-shares', buffer.dealt[site]!.statement);
}

/** @throws Fault 585 when a member's shares are not those of the secret that it dealt, 406 when an update's bytes are gone. */
export async function unmaskedSum(order: {
  readonly buffer: OpenMaskedBuffer;
  readonly name: string;
  readonly arrived: readonly ArrivedUpdate[];
  /** How many numbers an update is. */
  readonly parameters: number;
  readonly read: (blob: string) => Promise<Uint8Array>;
}): Promise<Uint32Array> {
  const { buffer, name, arrived } = order;
  const isCounted = (site: string): boolean => arrived.some((one) => one.site === site);
  const counted = [];
  const missing: { site: string; maskKey: BufferKey }[] = [];
  for (const [index, member] of buffer.members.entries()) {
    const secret = await secretOf(buffer, index);
    const { maskKey } = parseStatement('masked-offer', member.offer.statement);
    const isRight = isCounted(member.site)
      ? seedHash(secret) === dealtBy(buffer, member.site).seedHash
      : bufferKeyOf(secret).publicKey === maskKey;
    if (!isRight) throw maskingFault.badShares(member.name, 'together they are not the secret that it dealt');
    if (isCounted(member.site)) counted.push({ site: member.site, maskKey, seed: secret });
    else missing.push({ site: member.site, maskKey: bufferKeyOf(secret) });
  }
  const sum = new Uint32Array(order.parameters);
  // One at a time: memory holds the sum and one update, however many sites there are.
  for (const { blob } of arrived) addToRing(sum, ringOfBytes(await order.read(blob)));
  await unmask({ sum, buffer: name, counted, missing });
  return sum;
}

async function secretOf(buffer: OpenMaskedBuffer, index: number): Promise<Uint8Array> {
  const shares = Object.values(buffer.revealed).map((one) => one[index]!);
  try {
    return await secretOfShares(shares);
  } catch {
    throw maskingFault.badShares(buffer.members[index]!.name, 'they do not fit together');
  }
}
