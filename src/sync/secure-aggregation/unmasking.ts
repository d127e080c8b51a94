// The hub's part: what is left on the sum of the masked updates that arrived. Each of these sites left its own mask, and the masks
// that it shares with sites whose update did not arrive; masks between sites that arrived have cancelled.
import type { BufferKey } from './buffer-keys.ts';
import type { MaskingMember } from './masked-update.ts';
import { addMask, pairMaskKey, pairSign, selfMaskKey } from './masks.ts';

/** Takes the masks off the sum, in place. Between two masks it lets others work: a mask of 10 million numbers takes some 50 ms. */
export async function unmask(order: {
  readonly sum: Uint32Array;
  readonly buffer: string;
  /** Sites whose masked update is in the sum, with the seeds of their own masks. */
  readonly counted: readonly (MaskingMember & { readonly seed: Uint8Array })[];
  /** Sites whose update is not, with the keys that their pair masks come from. */
  readonly missing: readonly { readonly site: string; readonly maskKey: BufferKey }[];
}): Promise<void> {
  const { sum, buffer } = order;
  const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  for (const { site, seed } of order.counted) {
    addMask(sum, selfMaskKey(seed, { buffer, site }), -1);
    await breathe();
  }
  for (const gone of order.missing) {
    for (const { site, maskKey } of order.counted) {
      const key = pairMaskKey(gone.maskKey, { site, publicKey: maskKey }, { buffer, site: gone.site });
      // What the counted site did is undone.
      addMask(sum, key, pairSign(site, gone.site) === 1 ? -1 : 1);
      await breathe();
    }
  }
}
