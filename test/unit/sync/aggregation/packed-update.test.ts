// zstd around an update: what it saves, and that nothing from outside unpacks to more than is allowed.
import { constants, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Fault } from '../../../../src/contract/fault.ts';
import { packed, unpacked } from '../../../../src/sync/aggregation/packed-update.ts';
import { decodeUpdate, encodeUpdate, maxUpdateBytes } from '../../../../src/sync/aggregation/update.ts';
import type { Weights } from '../../../../src/sync/aggregation/weights.ts';
import { updateForm } from './situations.ts';

const form = { ...updateForm('top-k'), updateCompression: 'zstd' } as const;
const layout: Weights = new Map(
  Array.from({ length: 20 }, (_, index) => [
    `block-${index}.conv.filter`,
    { shape: [32, 64], values: Float32Array.from({ length: 2_048 }, (__, place) => Math.sin(place * 7 + index) ** 7) },
  ]),
);

function faultOf(act: () => unknown): Fault {
  try {
    act();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('an update packed with zstd', () => {
  it('is shorter and the same numbers', () => {
    const plain = encodeUpdate(layout, { ...form, updateCompression: 'none' });
    const bytes = encodeUpdate(layout, form);
    expect(bytes.byteLength).toBeLessThan(0.9 * plain.byteLength);
    expect(decodeUpdate(bytes, { layout, form })).toEqual(
      decodeUpdate(plain, { layout, form: { ...form, updateCompression: 'none' } }),
    );
  });

  it('stays as it was where packing makes it no shorter, and is read all the same', () => {
    const random = Uint8Array.from({ length: 4_096 }, (_, index) => (Math.imul(index + 1, 2_654_435_761) >>> 13) & 255);
    const noise = packed(random);
    expect(unpacked(noise, 4_096)).toEqual(random);
    const plain = encodeUpdate(layout, { ...form, updateCompression: 'none' });
    expect(decodeUpdate(plain, { layout, form }).size).toBe(layout.size);
  });

  it('is not taken where the project did not agree on it', () => {
    const bytes = encodeUpdate(layout, form);
    expect(faultOf(() => decodeUpdate(bytes, { layout, form: updateForm('top-k') })).code).toBe(550);
  });

  it('that would unpack to gigabytes is refused at the limit, with what is wrong', () => {
    const bomb = new Uint8Array(zstdCompressSync(new Uint8Array(256 * 1024 * 1024)));
    expect(bomb.byteLength).toBeLessThan(64 * 1024);
    const before = process.memoryUsage().arrayBuffers;
    const fault = faultOf(() => decodeUpdate(bomb, { layout, form }));
    expect(fault).toMatchObject({ code: 562, retry: 'never' });
    expect(fault.message).toContain(String(maxUpdateBytes(layout, form)));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(3 * maxUpdateBytes(layout, form));
  });

  it('that is cut off, damaged or asks for more memory than every reader has is refused', () => {
    const bytes = encodeUpdate(layout, form);
    for (const end of [4, 5, 9, 100, bytes.length - 1]) {
      expect(faultOf(() => decodeUpdate(bytes.subarray(0, end), { layout, form })).code).toBe(550);
    }
    const greedy = zstdCompressSync(new Uint8Array(20_000_000), {
      params: { [constants.ZSTD_c_windowLog]: 27, [constants.ZSTD_c_contentSizeFlag]: 0 },
    });
    expect(faultOf(() => unpacked(greedy, 20_000_000)).message).toContain('8 MiB');
  });
});
