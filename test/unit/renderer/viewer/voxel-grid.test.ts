import { expect, test } from 'vitest';
import {
  middleOf,
  middleOfSlice,
  nearestToSlice,
  planeNumber,
  pointOf,
  stepMm,
  voxelAt,
  type VoxelGrid,
  within,
} from '../../../../src/renderer/viewer/voxel-grid.ts';

// Columns to the left, rows to the back, slices to the head; the first voxel's middle is at (-90, -80, 10).
const axial: VoxelGrid = {
  dimensions: [128, 96, 60],
  spacing: [1.5, 2, 5],
  axes: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  origin: [-90, -80, 10],
};
/** A quarter between the back and the head. */
const part = Math.SQRT1_2;
const tilted: VoxelGrid = { ...axial, axes: [[1, 0, 0], [0, part, part], [0, -part, part]] }; // prettier-ignore

test('a voxel lies at its place in the patient, also in a tilted volume', () => {
  expect(pointOf(axial, [2, 3, 4])).toEqual([-87, -74, 30]);
  const point = pointOf(tilted, [2, 3, 4]);
  voxelAt(tilted, point).forEach((place, axis) => expect(place).toBeCloseTo([2, 3, 4][axis] ?? NaN, 9));
});

test('the middle is in the middle of a voxel', () => {
  expect(voxelAt(axial, middleOf(axial))).toEqual([63, 47, 29]);
});

test('a point outside comes to the nearest voxel of the edge', () => {
  expect(within(axial, [-500, 0, 9_999])).toEqual([-90, 0, 10 + 59 * 5]);
  expect(within(axial, [3, 4, 50])).toEqual([3, 4, 50]);
});

test('a step along a normal is the distance of the slices that it crosses', () => {
  expect(stepMm(axial, [0, 0, -1])).toBe(5);
  expect(stepMm(axial, [0, 1, 0])).toBe(2);
  expect(stepMm(axial, [-1, 0, 0])).toBe(1.5);
});

test('a plane that lies as the slices do has a number; one askew to them has none', () => {
  expect(planeNumber(axial, [0, 0, -1], [0, 0, 30])).toEqual({ number: 5, of: 60 });
  expect(planeNumber(axial, [1, 0, 0], [-90, 0, 30])).toEqual({ number: 1, of: 128 });
  expect(planeNumber(tilted, [0, 0, 1], [0, 0, 30])).toBeNull();
});

test('a volume begins at the image that was shown, and its cross leads back to the nearest one', () => {
  const fifth = pointOf(tilted, [0, 0, 4]);
  voxelAt(tilted, middleOfSlice(tilted, fifth)).forEach((place, axis) =>
    expect(place).toBeCloseTo([63, 47, 4][axis] ?? NaN, 9),
  );
  // A stack that runs from the head down.
  const places = Array.from({ length: 60 }, (_, index) => pointOf(tilted, [0, 0, 59 - index]));
  expect(nearestToSlice(tilted, pointOf(tilted, [10, 80, 4.3]), places)).toBe(55);
  expect(nearestToSlice(tilted, fifth, [null, ...places])).toBe(56);
  expect(nearestToSlice(tilted, fifth, [null, null])).toBeNull();
});
