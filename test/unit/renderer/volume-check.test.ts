import { expect, test } from 'vitest';
import { type FrameGeometry, unknownGeometry } from '../../../src/contract/dicom.ts';
import { geometryNotes, slicePositionMm } from '../../../src/renderer/viewer/geometry-notes.ts';
import { type Slice, volumeProblem } from '../../../src/renderer/viewer/volume-check.ts';

function slicesAt(
  positions: readonly (readonly [number, number, number])[],
  changes: Partial<FrameGeometry> = {},
): Slice[] {
  return positions.map(([x, y, z]) => ({
    rows: 64,
    columns: 64,
    isInColour: false,
    geometry: {
      ...unknownGeometry,
      position: [x, y, z],
      orientation: [1, 0, 0, 0, 1, 0],
      pixelSpacingMm: [0.8, 0.8],
      ...changes,
    },
  }));
}

const even = slicesAt([0, 2, 4, 6].map((z) => [0, 0, z]));

test('even slices make a volume, in whatever order they come', () => {
  expect(volumeProblem(even)).toBeNull();
  expect(volumeProblem(even.toReversed())).toBeNull();
  expect(volumeProblem(even.slice(0, 2))).toContain('Fewer than three');
});

test('a missing slice, a doubled slice and a tilted gantry are named', () => {
  expect(volumeProblem(slicesAt([0, 2, 6, 8].map((z) => [0, 0, z])))).toContain('Uneven');
  expect(volumeProblem(slicesAt([0, 2, 2, 4].map((z) => [0, 0, z])))).toContain('one position');
  expect(volumeProblem(slicesAt([0, 2, 4, 6].map((z) => [0, z / 3, z])))).toContain('tilted gantry');
});

test('slices that lie differently, are of other sizes, in colour or nowhere make no volume', () => {
  const [first, ...rest] = even as [Slice, ...Slice[]];
  const geometry = {
    ...first.geometry,
    orientation: [1, 0, 0, 0, 0, -1] as [number, number, number, number, number, number],
  };
  expect(volumeProblem([{ ...first, geometry }, ...rest])).toContain('orientations');
  expect(volumeProblem([first, ...rest.with(1, { ...rest[1]!, rows: 32 })])).toBe(
    'Images of different sizes (image 3): no MPR',
  );
  expect(volumeProblem([{ ...first, isInColour: true }, ...rest])).toContain('colour');
  expect(
    volumeProblem(
      slicesAt(
        [0, 2, 4].map((z) => [0, 0, z]),
        { pixelSpacingMm: null },
      ),
    ),
  ).toContain('pixel spacing');
  expect(
    volumeProblem(
      slicesAt(
        [0, 2, 4].map((z) => [0, 0, z]),
        { position: null },
      ),
    ),
  ).toContain('position');
});

test('a volume that the window has no memory for is refused with its size', () => {
  const large = slicesAt(Array.from({ length: 1_200 }, (_, z) => [0, 0, z] as const)).map((slice) => ({
    ...slice,
    rows: 512,
    columns: 512,
  }));
  expect(volumeProblem(large)).toMatch(/would take \d+ MB/);
});

test('a mosaic of slices is named, has no position, and makes no volume', () => {
  const mosaics = slicesAt(
    [0, 2, 4, 6].map((z) => [0, 0, z]),
    { isMosaic: true },
  );
  expect(volumeProblem(mosaics)).toBe('Mosaic images: no MPR');
  const [{ geometry }] = mosaics as [Slice];
  expect(geometryNotes({ geometry, modality: 'MR' })).toContain('Mosaic: many slices on one image');
  expect(slicePositionMm(geometry)).toBeNull();
  expect(slicePositionMm({ ...geometry, isMosaic: undefined })).toBe(0);
});

test('images are missed an orientation only where the modality has one', () => {
  const said = (modality: string): string[] => geometryNotes({ geometry: unknownGeometry, modality });
  for (const modality of ['CT', 'MR', 'PT', 'NM']) expect(said(modality)).toContain('No orientation in the file');
  for (const modality of ['US', 'OT', 'CR', 'DX', 'MG', 'XC'])
    expect(said(modality)).not.toContain('No orientation in the file');
});
