import { expect, test } from 'vitest';
import type { FrameGeometry } from '../../../../src/contract/dicom.ts';
import type { DrawnFrame } from '../../../../src/station/models/predicted-segmentation.ts';
import { structureVolumes } from '../../../../src/station/models/structure-volumes.ts';

/** A slice at this height with so many pixels of the one structure, each 2 × 0.5 mm. */
function slice(heightMm: number, pixels: number, geometry: Partial<FrameGeometry> = {}): DrawnFrame {
  const placed = {
    position: [0, 0, heightMm],
    orientation: [1, 0, 0, 0, 1, 0],
    pixelSpacingMm: [2, 0.5],
    spacingKind: 'patient',
    ...geometry,
  } as unknown as FrameGeometry;
  return { sopInstanceUID: '1.2', frame: null, geometry: placed, drawn: [new Uint32Array(pixels)] };
}

test('a structure is as large as its pixels times the distance of the slices', () => {
  expect(structureVolumes(['nodule'], [slice(9, 0), slice(3, 400), slice(6, 600)])).toEqual([
    { name: 'nodule', cm3: 3 },
  ]);
});

test('distances that differ a little are those of one volume', () => {
  const [volume] = structureVolumes(['nodule'], [slice(0, 100), slice(3, 100), slice(6, 100), slice(10, 100)]);
  expect(volume?.cm3).toBeCloseTo(1.2);
});

test.each([
  ['a single slice', [slice(0, 100)]],
  ['two images at one place', [slice(0, 100), slice(0, 100), slice(3, 100), slice(6, 100)]],
  ['slices of which one is missing', [slice(0, 100), slice(3, 100), slice(6, 100), slice(12, 100)]],
  ['images that do not tell where they lie', [slice(0, 100, { position: null }), slice(3, 100)]],
  ['pixels whose size is not that in the patient', [slice(0, 100, { spacingKind: 'unknown' }), slice(3, 100)]],
  [
    'slices in two directions',
    [slice(0, 100), slice(3, 100, { orientation: [0, 1, 0, 0, 0, 1] } as Partial<FrameGeometry>)],
  ],
] as const)('there is no volume of %s', (_what, frames) => {
  expect(structureVolumes(['nodule'], frames)).toEqual([]);
});
