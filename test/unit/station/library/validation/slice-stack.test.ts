// What can be told of slices from where they lie.
import { describe, expect, it } from 'vitest';
import { type Slice, stackFindings } from '../../../../../src/station/library/validation/slice-stack.ts';

const slice = (position: number, changes: Partial<Slice> = {}): Slice => ({
  position,
  alongRow: 0,
  alongColumn: 0,
  instanceNumber: null,
  acquisition: '1',
  acquisitionTime: '',
  ...changes,
});
const stack = (positions: readonly number[], changes: Partial<Slice> = {}): Slice[] =>
  positions.map((position) => slice(position, changes));
const evenly = (count: number, spacingMm: number): number[] =>
  Array.from({ length: count }, (_, index) => index * spacingMm);
const nothing = { duplicates: [], gaps: [], uneven: null, shearDegrees: null };

describe('stackFindings', () => {
  it('finds nothing amiss in an even stack, in whatever order it comes', () => {
    expect(stackFindings(stack(evenly(30, 2.5)).toReversed())).toEqual(nothing);
  });

  it('looks through more slices than a call can have arguments', () => {
    const positions = Array.from({ length: 200_000 }, (_, index) => index + (index % 2) * 0.3);
    expect(stackFindings(stack(positions)).uneven).toMatchObject({
      smallestMm: expect.closeTo(0.7, 6),
      largestMm: expect.closeTo(1.3, 6),
    });
  });

  it('counts the slices that are missing in a gap, and says where', () => {
    const { gaps, uneven } = stackFindings(stack([...evenly(10, 2), ...evenly(10, 2).map((at) => at + 26)]));
    expect(gaps.map(({ after, before, missing }) => [after.position, before.position, missing])).toEqual([[18, 26, 3]]);
    expect(uneven).toBeNull();
  });

  it('takes rounded positions for even, and steps of several sizes for uneven', () => {
    expect(stackFindings(stack([0, 0.63, 1.25, 1.88, 2.5, 3.13, 3.75]))).toEqual(nothing);
    const { uneven, gaps } = stackFindings(stack([0, 1, 2, 3.4, 4.4, 5.4]));
    expect(gaps).toEqual([]);
    expect(uneven).toMatchObject({ spacingMm: 1, largestMm: expect.closeTo(1.4) });
  });

  it('calls a stack whose steps grow uneven, not incomplete', () => {
    const { uneven, gaps } = stackFindings(stack([0, 1, 3, 4, 6, 7, 9]));
    expect(gaps).toEqual([]);
    expect(uneven).not.toBeNull();
  });

  it('finds slices that were sent twice', () => {
    const { duplicates } = stackFindings([...stack(evenly(10, 2)), slice(4), slice(4.004)]);
    expect(duplicates).toHaveLength(2);
  });

  it('takes several echoes, time points or acquisitions at one position for what they are', () => {
    const echoes = ['1|5', '1|10', '1|15'].flatMap((acquisition) => stack(evenly(10, 2), { acquisition }));
    expect(stackFindings(echoes)).toEqual(nothing);
    const times = ['101500', '101600'].flatMap((acquisitionTime) => stack(evenly(10, 2), { acquisitionTime }));
    expect(stackFindings(times)).toEqual(nothing);
  });

  it('finds the gap in one of two acquisitions', () => {
    const whole = stack(evenly(12, 2), { acquisition: '1' });
    const holed = stack(evenly(12, 2), { acquisition: '2' }).filter(({ position }) => position !== 8);
    expect(stackFindings([...whole, ...holed]).gaps).toMatchObject([{ missing: 1 }]);
  });

  it('keeps one stack together where every slice counts as an acquisition of its own', () => {
    const slices = evenly(12, 2).map((at, index) => slice(at, { acquisition: String(index) }));
    expect(stackFindings([...slices, slice(4, { acquisition: '99' })])).toEqual(nothing);
  });

  it('measures by how much tilted slices are shifted', () => {
    const shift = Math.tan((15 * Math.PI) / 180);
    const tilted = evenly(20, 3).map((at) => slice(at, { alongColumn: at * shift }));
    expect(stackFindings(tilted).shearDegrees).toBeCloseTo(15);
  });
});
