import { expect, test } from 'vitest';
import { type FrameGeometry, unknownGeometry } from '../../../../src/contract/dicom.ts';
import { directionLetters, edgeLetters } from '../../../../src/renderer/viewer/orientation.ts';
import { placementOf, toImage, toScreen, wholeImage } from '../../../../src/renderer/viewer/placement.ts';
import { nearestSlice } from '../../../../src/renderer/viewer/slice-match.ts';

const image = { columns: 100, rows: 50, pixel: { width: 1, height: 2 } };
const viewport = { width: 400, height: 300 };
const axial = [1, 0, 0, 0, 1, 0] as const;
const sagittal = [0, 1, 0, 0, 0, -1] as const;

function slice(changes: Partial<FrameGeometry>): FrameGeometry {
  return { ...unknownGeometry, frameOfReferenceUID: '1.2', orientation: [...axial], ...changes };
}

test('the whole image fits with its pixels in their shape, in the middle', () => {
  const { matrix } = placementOf(image, wholeImage, viewport);
  expect(toScreen(matrix, [0, 0])).toEqual([50, 0]);
  expect(toScreen(matrix, [100, 50])).toEqual([350, 300]);
});

test('an image turned and flipped is found again under the pointer', () => {
  const view = {
    zoom: 1.7,
    panX: 31,
    panY: -12,
    rotationDegrees: 37,
    justified: 'right' as const,
    isFlippedHorizontally: true,
    isFlippedVertically: false,
  };
  const { matrix } = placementOf(image, view, viewport);
  const [x, y] = toImage(matrix, toScreen(matrix, [13.25, 41.5]));
  expect(x).toBeCloseTo(13.25, 9);
  expect(y).toBeCloseTo(41.5, 9);
});

test('letters follow a turn and a flip', () => {
  const letters = (view: Partial<typeof wholeImage>): unknown =>
    edgeLetters(slice({}), placementOf(image, { ...wholeImage, ...view }, viewport));
  expect(letters({})).toEqual({ top: 'A', right: 'L', bottom: 'P', left: 'R' });
  expect(letters({ rotationDegrees: 90 })).toEqual({ top: 'R', right: 'A', bottom: 'L', left: 'P' });
  expect(letters({ isFlippedHorizontally: true })).toEqual({ top: 'A', right: 'R', bottom: 'P', left: 'L' });
  expect(edgeLetters(slice({ orientation: null }), placementOf(image, wholeImage, viewport))).toBeNull();
});

test('a radiograph has the letters that its file names, also turned and mirrored', () => {
  const chest: FrameGeometry = { ...unknownGeometry, patientOrientation: ['L', 'FP'] };
  const letters = (view: Partial<typeof wholeImage>): unknown =>
    edgeLetters(chest, placementOf(image, { ...wholeImage, ...view }, viewport));
  expect(letters({})).toEqual({ top: 'HA', right: 'L', bottom: 'FP', left: 'R' });
  expect(letters({ rotationDegrees: 90 })).toEqual({ top: 'R', right: 'HA', bottom: 'L', left: 'FP' });
  expect(letters({ isFlippedHorizontally: true })).toEqual({ top: 'HA', right: 'R', bottom: 'FP', left: 'L' });
});

test('a tilted direction has two letters, the stronger first', () => {
  expect(directionLetters([0.4, -0.9, 0.05])).toBe('AL');
});

test('the slice at the same height is found, whichever way the series runs', () => {
  const stack = [30, 20, 10, 0].map((z) => slice({ position: [5, 5, z] }));
  expect(nearestSlice(slice({ position: [-90, -90, 12] }), stack)).toEqual({ index: 2, isBeyond: false });
});

test('where a stack has no slice, none is taken for one', () => {
  const stack = [30, 20, 10, 0].map((z) => slice({ position: [5, 5, z] }));
  const at = (z: number) => nearestSlice(slice({ position: [0, 0, z] }), stack);
  expect(at(40)).toEqual({ index: 0, isBeyond: false });
  expect(at(41)).toEqual({ index: 0, isBeyond: true });
  expect(at(-52)).toEqual({ index: 3, isBeyond: true });
  // One slice alone is as thick as its file says.
  const alone = [slice({ position: [0, 0, 10], sliceThicknessMm: 5 })];
  expect(nearestSlice(slice({ position: [0, 0, 14] }), alone)).toEqual({ index: 0, isBeyond: false });
  expect(nearestSlice(slice({ position: [0, 0, 16] }), alone)).toEqual({ index: 0, isBeyond: true });
});

test('a stack of several times at each place is as dense as its places', () => {
  const stack = [0, 0, 0, 5, 5, 5, 10, 10, 10].map((z) => slice({ position: [0, 0, z], sliceThicknessMm: 1 }));
  expect(nearestSlice(slice({ position: [0, 0, 7.4] }), stack)).toEqual({ index: 3, isBeyond: false });
  expect(nearestSlice(slice({ position: [0, 0, 16] }), stack)?.isBeyond).toBe(true);
});

test('slices of another orientation, another frame of reference or no place are never matched', () => {
  const wanted = slice({ position: [0, 0, 10] });
  expect(nearestSlice(wanted, [slice({ position: [0, 0, 10], orientation: [...sagittal] })])).toBeNull();
  expect(nearestSlice(wanted, [slice({ position: [0, 0, 10], frameOfReferenceUID: '1.3' })])).toBeNull();
  expect(nearestSlice(wanted, [undefined, slice({ position: null })])).toBeNull();
});
