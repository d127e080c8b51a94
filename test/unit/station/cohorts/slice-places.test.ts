import { describe, expect, it } from 'vitest';
import { slicePlaces } from '../../../../src/station/cohorts/slice-places.ts';

/** One column of slices: volume, place along the normal. */
const columns = (slices: readonly [number, number][], pixelMm = 0.5) => [
  {
    volumes: Int32Array.from(slices.flatMap(([volume]) => [volume, 0])),
    places: Float32Array.from(slices.flatMap(([, along]) => [along, pixelMm, pixelMm])),
  },
];

describe('places of slices', () => {
  it('count from the lowest along the normal, with a gap where one is missing', () => {
    const { volumes, slices, spacingMm } = slicePlaces(columns([[7, 10], [7, 4], [7, 7], [7, 16]])); // prettier-ignore
    expect([...volumes]).toEqual([0, 0, 0, 0]);
    expect([...slices]).toEqual([2, 0, 1, 4]);
    expect([...spacingMm.subarray(0, 3)]).toEqual([3, 0.5, 0.5]);
  });

  it('keep volumes of several shards apart and together', () => {
    const [one] = columns([[1, 0], [2, 0]]); // prettier-ignore
    const [other] = columns([[2, 5], [1, 2]]); // prettier-ignore
    const { volumes, slices, spacingMm } = slicePlaces([one!, other!]);
    expect([...volumes]).toEqual([0, 1, 1, 0]);
    expect([...slices]).toEqual([0, 0, 1, 1]);
    expect([spacingMm[0], spacingMm[3]]).toEqual([2, 5]);
  });

  it('make time points volumes of their own', () => {
    const { volumes, slices } = slicePlaces(columns([[1, 0], [1, 0], [1, 3], [1, 3]])); // prettier-ignore
    expect([...volumes]).toEqual([0, 1, 0, 1]);
    expect([...slices]).toEqual([0, 0, 1, 1]);
  });

  it('are not known where a slice tells no place or no spacing, or the volume would be endless', () => {
    expect([...slicePlaces(columns([[1, 0], [1, NaN], [2, 5]])).volumes]).toEqual([-1, -1, 0]); // prettier-ignore
    expect([...slicePlaces(columns([[1, 0]], NaN)).volumes]).toEqual([-1]);
    const far = slicePlaces(columns([[1, 0], [1, 0.02], [1, 0.04], [1, 9_000]])); // prettier-ignore
    expect([...far.volumes]).toEqual([-1, -1, -1, -1]);
  });
});
