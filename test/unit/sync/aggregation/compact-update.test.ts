import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fault } from '../../../../src/contract/fault.ts';
import { encodeTensorFile, type Tensor } from '../../../../src/contract/safetensors.ts';
import { compactTensors } from '../../../../src/sync/aggregation/compact-update.ts';
import { unusableTrunkRule } from '../../../../src/sync/aggregation/unusable-trunk-rule.ts';
import {
  applyUpdate,
  decodeUpdate,
  encodeUpdate,
  maxUpdateBytes,
  updateOf,
} from '../../../../src/sync/aggregation/update.ts';
import type { Weights } from '../../../../src/sync/aggregation/weights.ts';
import { trunkRuleSchema } from '../../../../src/contract/federation.ts';
import { normOf, updateForm } from './situations.ts';

const float32 = updateForm('float32');
const int8 = { ...updateForm('int8'), updateCodec: 'int8' } as const;
const topK = { ...updateForm('top-k'), updateCodec: 'top-k' } as const;
const { keptShare } = topK;
const count = 5_000;
/** One tensor that is compacted and one that is not. */
function weights(filter: ArrayLike<number>, bias: ArrayLike<number> = [0.5, -0.25]): Weights {
  return new Map([
    ['conv.filter', { shape: [50, filter.length / 50], values: Float32Array.from(filter) }],
    ['conv.bias', { shape: [bias.length], values: Float32Array.from(bias) }],
  ]);
}
const layout = weights(new Float32Array(count));
const filterOf = (update: Weights): Float32Array => update.get('conv.filter')!.values;
/** Changes as training makes them: most small, some large. */
const changes = (seed: number): number[] =>
  Array.from({ length: count }, (_, index) => Math.sin(index * 12.9898 + seed) ** 9 * 0.1);

function codeOf(act: () => unknown): number | null {
  try {
    act();
    return null;
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
}

describe.each([
  ['int8', int8],
  ['top-k', topK],
  ['top-k of a fortieth', { ...topK, keptShare: 0.025 }],
  ['int8, packed', { ...int8, updateCompression: 'zstd' }],
  ['top-k, packed', { ...topK, updateCompression: 'zstd' }],
] as const)('an update as %s', (_, form) => {
  const there = (update: Weights): Weights => decodeUpdate(encodeUpdate(update, form), { layout, form });

  it('keeps small tensors to float16 and is the same bytes for the same values', () => {
    const update = weights(changes(1));
    expect([...there(update).get('conv.bias')!.values]).toEqual([0.5, -0.25]);
    expect(encodeUpdate(update, form)).toEqual(encodeUpdate(update, form));
  });

  it('loses nothing for good: what was sent and what is left over make the updates', () => {
    let left: Weights = weights(new Float32Array(count), [0, 0]);
    let sent = left;
    let made = left;
    for (let turn = 0; turn < 20; turn += 1) {
      const change = weights(changes(turn));
      made = applyUpdate(made, change);
      const wanted = applyUpdate(change, left);
      const arrived = there(wanted);
      sent = applyUpdate(sent, arrived);
      left = updateOf(arrived, wanted);
    }
    expect(normOf(updateOf(applyUpdate(sent, left), made))).toBeLessThan(1e-4);
    // What is left over does not grow with the turns.
    expect(normOf(left)).toBeLessThan((1.5 / form.keptShare) * normOf(weights(changes(0), [0, 0])));
  });

  it('is refused where it does not fit or makes no sense', () => {
    const good = compactTensors(weights(changes(1)), form);
    const refusal = (change: (tensors: Map<string, Tensor>) => void): number | null => {
      const tensors = new Map(good);
      change(tensors);
      return codeOf(() => decodeUpdate(encodeTensorFile({ tensors, metadata: {} }), { layout, form }));
    };
    const scales = good.get('conv.filter/scales')!;
    const withScale = (value: number): Tensor => {
      const bytes = Uint8Array.from(scales.bytes);
      new DataView(bytes.buffer).setFloat32(0, value, true);
      return { ...scales, bytes };
    };
    expect(refusal(() => {})).toBeNull();
    expect(refusal((tensors) => tensors.delete('conv.filter/scales'))).toBe(552);
    expect(refusal((tensors) => tensors.set('more', scales))).toBe(552);
    expect(refusal((tensors) => tensors.set('conv.filter', { ...scales }))).toBe(554);
    expect(refusal((tensors) => tensors.set('conv.filter/scales', withScale(Number.NaN)))).toBe(550);
    expect(refusal((tensors) => tensors.set('conv.filter/scales', withScale(-1)))).toBe(550);
    expect(refusal((tensors) => tensors.set('conv.filter/scales', withScale(1e30)))).toBe(556);
    const other = form.updateCodec === 'int8' ? topK : int8;
    expect(codeOf(() => decodeUpdate(encodeUpdate(weights(changes(1)), other), { layout, form }))).not.toBeNull();
  });

  it('holds whatever bytes come: a refusal or an update, never more memory than allowed', () => {
    const whole = encodeUpdate(weights(changes(3)), form);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        (flips) => {
          const bytes = Uint8Array.from(whole);
          for (const [place, value] of flips) bytes[place] = value;
          const code = codeOf(() => decodeUpdate(bytes, { layout, form }));
          expect(code === null || (code >= 550 && code <= 562)).toBe(true);
        },
      ),
    );
  });

  it('never takes more than its limit, wherever the largest values lie', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.double({ min: -9, max: 9, noNaN: true })), (stream) => {
        const update = weights([...stream.take(count)]);
        expect(encodeUpdate(update, form).byteLength).toBeLessThanOrEqual(maxUpdateBytes(layout, form));
      }),
      { numRuns: 5 },
    );
  });
});

it('int8 is true to half a 127th of the largest of its block, in about a quarter of the bytes', () => {
  const update = weights(changes(2));
  const bytes = encodeUpdate(update, int8);
  const back = filterOf(decodeUpdate(bytes, { layout, form: int8 }));
  filterOf(update).forEach((value, index) =>
    expect(Math.abs(back[index]! - value)).toBeLessThanOrEqual(0.1 / 127 / 1.99),
  );
  expect(bytes.byteLength).toBeLessThan(0.28 * encodeUpdate(update, float32).byteLength);
});

it('top-k sends the tenth that changed most, of equal ones the first, in less than an eighth of the bytes', () => {
  const update = weights(changes(4));
  const bytes = encodeUpdate(update, topK);
  const back = filterOf(decodeUpdate(bytes, { layout, form: topK }));
  const byCare = [...filterOf(update).keys()].toSorted(
    (one, other) => Math.abs(filterOf(update)[other]!) - Math.abs(filterOf(update)[one]!) || one - other,
  );
  const sent = byCare.slice(0, count * keptShare);
  // Of the smallest of a block with much larger ones nothing but zero may be left.
  expect(byCare.slice(count * keptShare).every((place) => back[place] === 0)).toBe(true);
  for (const place of sent)
    expect(Math.abs(back[place]! - filterOf(update)[place]!)).toBeLessThanOrEqual(0.1 / 127 / 1.99);
  expect(bytes.byteLength).toBeLessThan(encodeUpdate(update, float32).byteLength / 8);
  const alike = weights(new Float32Array(count).fill(-1));
  const kept = filterOf(decodeUpdate(encodeUpdate(alike, topK), { layout, form: topK }));
  expect([...kept.subarray(0, count * keptShare)].every((value) => value === -1)).toBe(true);
  expect(kept.subarray(count * keptShare).every((value) => value === 0)).toBe(true);
});

it('a rule that compares single weights is refused with top-k, and taken with int8', () => {
  const rule = trunkRuleSchema.parse({
    bufferSize: 5,
    combination: { kind: 'median' },
    staleness: { kind: 'constant' },
  });
  expect(unusableTrunkRule(rule, 'top-k')).toMatchObject([{ field: 'updateCodec' }]);
  expect(unusableTrunkRule(rule, 'int8')).toEqual([]);
});

it('top-k of fewer weights is fewer bytes, and one share is not read as another', () => {
  const update = weights(changes(6));
  const few = { ...topK, keptShare: 0.02 };
  expect(encodeUpdate(update, few).byteLength).toBeLessThan(encodeUpdate(update, topK).byteLength / 2);
  expect(codeOf(() => decodeUpdate(encodeUpdate(update, few), { layout, form: topK }))).toBe(553);
});
