import { expect, test } from 'vitest';
import { type Frame, type FrameGeometry, unknownGeometry } from '../../../../src/contract/dicom.ts';
import { measured, measuredText } from '../../../../src/renderer/viewer/measured.ts';
import { valueUnit } from '../../../../src/renderer/viewer/pixel-units.ts';
import { windowsOf } from '../../../../src/renderer/viewer/presets.ts';
import { type Point, spanned } from '../../../../src/renderer/viewer/shapes.ts';

function ct(size: number, geometry: Partial<FrameGeometry> = {}, changes: Partial<Frame> = {}): Frame {
  const values = Uint16Array.from({ length: size * size }, (_, index) => (index * 7919) % 4096);
  return {
    rows: size,
    columns: size,
    samples: 1,
    bits: 16,
    signed: false,
    photometric: 'MONOCHROME2',
    transferSyntax: '1.2.840.10008.1.2.1',
    pixels: new Uint8Array(values.buffer),
    rescaleSlope: 2,
    rescaleIntercept: -1024,
    windowCenter: null,
    windowWidth: null,
    geometry: { ...unknownGeometry, ...geometry },
    modality: 'CT',
    ...changes,
  };
}

/** 2 mm from row to row, 0.5 mm from column to column. */
const anisotropic = { pixelSpacingMm: [2, 0.5] } satisfies Partial<FrameGeometry>;

test('a length counts rows and columns each in their own spacing', () => {
  const frame = ct(8, anisotropic);
  const { lengthMm } = measured(
    'length',
    [
      [1, 1],
      [7, 3],
    ],
    frame,
  );
  expect(lengthMm).toBeCloseTo(Math.hypot(6 * 0.5, 2 * 2), 12);
  expect(
    measured(
      'length',
      [
        [0, 0],
        [3, 4],
      ],
      ct(8),
    ),
  ).toEqual({ lengthPixels: 5 });
});

test('an angle is taken in millimetres and never beyond a straight line', () => {
  const frame = ct(8, anisotropic);
  // Along a row, and 1 mm across by 1 mm down: 45° in the patient, about 14° in pixels.
  expect(
    measured(
      'angle',
      [
        [6, 2],
        [2, 2],
        [4, 2.5],
      ],
      frame,
    )['angleDegrees'],
  ).toBeCloseTo(45, 10);
  expect(
    measured(
      'angle',
      [
        [0, 1],
        [2, 2],
        [0, 3],
      ],
      ct(8),
    )['angleDegrees'],
  ).toBeCloseTo(2 * 26.565051177, 6);
});

test('an ellipse has the area of an ellipse, and the mean and deviation that a plain loop finds in Hounsfield units', () => {
  const frame = ct(64, anisotropic);
  const [left, top, right, bottom] = [10, 12, 40, 50];
  const found = measured('ellipse', spanned('ellipse', [left, top], [right, bottom]), frame);
  expect(found['areaMm2']).toBeCloseTo(Math.PI * (15 * 0.5) * (19 * 2), 8);
  const inside: number[] = [];
  for (let row = 0; row < 64; row += 1) {
    for (let column = 0; column < 64; column += 1) {
      const [x, y] = [(column + 0.5 - 25) / 15, (row + 0.5 - 31) / 19];
      if (x * x + y * y <= 1) inside.push((((row * 64 + column) * 7919) % 4096) * 2 - 1024);
    }
  }
  const mean = inside.reduce((sum, value) => sum + value, 0) / inside.length;
  const variance = inside.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (inside.length - 1);
  expect(found['pixels']).toBe(inside.length);
  expect(found['mean']).toBeCloseTo(mean, 8);
  expect(found['stdDev']).toBeCloseTo(Math.sqrt(variance), 8);
  expect([found['min'], found['max']]).toEqual([Math.min(...inside), Math.max(...inside)]);
});

test('a rectangle holds the pixels whose centres lie in it, and those outside the image count for nothing', () => {
  const frame = ct(8);
  const found = measured('rectangle', spanned('rectangle', [-5, -5], [2, 1]), frame);
  expect(found['pixels']).toBe(2);
  expect(found['mean']).toBeCloseTo((-1024 + 3823 * 2 - 1024) / 2, 9);
  expect(found['areaPixels']).toBe(42);
});

test('a probe tells the value in modality units, and nothing beside the image', () => {
  expect(measured('probe', [[1.9, 0.2]], ct(8))).toEqual({ value: 3823 * 2 - 1024 });
  expect(measured('probe', [[9, 0]], ct(8))).toEqual({});
});

test('a length on a projection image says that it was taken at the detector', () => {
  const frame = ct(8, { ...anisotropic, spacingKind: 'detector' });
  expect(
    measuredText(
      measured(
        'length',
        [
          [0, 0],
          [8, 0],
        ],
        frame,
      ),
      '',
      frame.geometry.spacingKind,
    ),
  ).toEqual(['4.0 mm at the detector']);
  expect(measuredText({ lengthPixels: 12 }, '', '')).toEqual(['12.0 pixels']);
});

test('one pixel has a value and no spread', () => {
  const found = measured('ellipse', spanned('ellipse', [3, 3], [4, 4]), ct(8));
  expect(found).toMatchObject({ pixels: 1, stdDev: 0 });
});

test('an ellipse of no width has no values that are not numbers', () => {
  const found = measured('ellipse', spanned('ellipse', [3.5, 1], [3.5, 6]), ct(8));
  expect(Object.values(found).filter((value) => !Number.isFinite(value))).toEqual([]);
});

test('values are HU only where the file does not call them something else', () => {
  const probe = (changes: Partial<Frame>): string[] => measuredText({ value: 40 }, valueUnit(ct(2, {}, changes)), '');
  expect(probe({})).toEqual(['40 HU']);
  expect(probe({ rescaleType: 'HU' })).toEqual(['40 HU']);
  // A perfusion map of CT: its RescaleType is US, unspecified.
  expect(probe({ rescaleType: 'US' })).toEqual(['40']);
  expect(probe({ modality: 'MR' })).toEqual(['40']);
  // Presets of CT are windows of HU.
  const names = (frame: Frame): string[] => windowsOf(frame).map(({ name }) => name);
  expect(names(ct(2))).toContain('Lung');
  expect(names(ct(2, {}, { rescaleType: 'US' }))).toEqual(["File's window", 'All values']);
});

test('an outline drawn by hand has the area that it bounds, and the values of the pixels inside', () => {
  const frame = ct(16, anisotropic);
  // A step of stairs: 8 wide and 4 high, and 4 wide and 4 high on top of its left half.
  const stairs: Point[] = [
    [2, 2],
    [6, 2],
    [6, 6],
    [10, 6],
    [10, 10],
    [2, 10],
  ];
  const found = measured('freehand', stairs, frame);
  expect(found['areaMm2']).toBeCloseTo(48 * 2 * 0.5, 9);
  expect(found['pixels']).toBe(48);
  const upper = measured('rectangle', spanned('rectangle', [2, 2], [6, 6]), frame);
  const lower = measured('rectangle', spanned('rectangle', [2, 6], [10, 10]), frame);
  const mean = ((upper['mean'] ?? 0) * 16 + (lower['mean'] ?? 0) * 32) / 48;
  expect(found['mean']).toBeCloseTo(mean, 9);
  expect(found['min']).toBe(Math.min(upper['min'] ?? 0, lower['min'] ?? 0));
  // A circle of 200 corners; one whose end runs over its beginning; and two lobes that cross.
  const circle = Array.from({ length: 200 }, (_, at): Point => {
    const angle = (at / 200) * 2 * Math.PI;
    return [8 + 5 * Math.cos(angle), 8 + 5 * Math.sin(angle)];
  });
  expect((measured('freehand', circle, frame)['areaMm2'] ?? 0) / (25 * Math.PI)).toBeCloseTo(1, 3);
  const bow: Point[] = [
    [0, 0],
    [8, 8],
    [8, 0],
    [0, 8],
  ];
  expect(measured('freehand', bow, frame)['areaMm2']).toBeCloseTo(32, 6);
});

test('an arrow and the mark of a key image measure nothing', () => {
  expect(
    measured(
      'arrow',
      [
        [1, 1],
        [3, 3],
      ],
      ct(8),
    ),
  ).toEqual({});
  expect(measured('key-image', [], ct(8))).toEqual({});
});
