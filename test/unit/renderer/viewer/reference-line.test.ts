import { expect, test } from 'vitest';
import { type FrameGeometry, unknownGeometry } from '../../../../src/contract/dicom.ts';
import { type PlacedFrame, referenceLine } from '../../../../src/renderer/viewer/reference-line.ts';

function frame(changes: Partial<FrameGeometry>, rows = 100, columns = 200): PlacedFrame {
  const geometry = { ...unknownGeometry, frameOfReferenceUID: '1.2', pixelSpacingMm: [2, 1] as [number, number] };
  return { rows, columns, geometry: { ...geometry, ...changes } };
}

// Columns to the left by 1 mm, rows to the back by 2 mm: x from 0 to 199, y from 0 to 198.
const axial = (z: number): PlacedFrame => frame({ position: [0, 0, z], orientation: [1, 0, 0, 0, 1, 0] });
// Columns to the back by 1 mm, rows to the feet by 2 mm: y from -50 to 149, z from 100 to -98.
const sagittal = (x: number): PlacedFrame => frame({ position: [x, -50, 100], orientation: [0, 1, 0, 0, 0, -1] });

test('an axial image cuts a sagittal one level, at its height and as deep as it reaches', () => {
  const line = referenceLine(axial(40), sagittal(30));
  // 60 mm below the first row's centre are 30 rows; the axial image reaches from y = -1 to y = 199.
  const columns = line?.map(([column]) => column).sort((a, b) => a - b);
  expect(line?.map(([, row]) => row)).toEqual([30.5, 30.5]);
  expect(columns).toEqual([49.5, 249.5]);
});

test('a sagittal image cuts an axial one upright', () => {
  const line = referenceLine(sagittal(30), axial(40));
  expect(line?.map(([column]) => column)).toEqual([30.5, 30.5]);
  // From y = -50.5 to y = 149.5, in rows of 2 mm whose first has its centre at 0.
  expect(line?.map(([, row]) => row).sort((a, b) => a - b)).toEqual([-24.75, 75.25]);
});

test('an oblique cut lies where its plane passes', () => {
  const half = Math.SQRT1_2;
  const oblique = frame({ position: [0, 0, 0], orientation: [half, 0, half, 0, 1, 0] });
  // The plane z = x: at height 40 it passes x = 40.
  expect(referenceLine(oblique, axial(40))?.map(([column]) => column)).toEqual([
    expect.closeTo(40.5, 9),
    expect.closeTo(40.5, 9),
  ]);
});

test('images that do not meet, lie alike, or in another or no frame of reference have no line', () => {
  expect(referenceLine(axial(40), sagittal(300))).toBeNull();
  expect(referenceLine(axial(40), axial(50))).toBeNull();
  const elsewhere = sagittal(30);
  expect(
    referenceLine(axial(40), { ...elsewhere, geometry: { ...elsewhere.geometry, frameOfReferenceUID: '1.3' } }),
  ).toBeNull();
  expect(referenceLine(frame({ position: null }), sagittal(30))).toBeNull();
  const [a, b] = [axial(40), sagittal(30)].map((one) => ({
    ...one,
    geometry: { ...one.geometry, frameOfReferenceUID: null },
  }));
  expect(a && b && referenceLine(a, b)).toBeNull();
});
