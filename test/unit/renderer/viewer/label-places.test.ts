import { expect, test } from 'vitest';
import { gapPx, type Label, labelPlaces, lineHeightPx } from '../../../../src/renderer/viewer/label-places.ts';

const label = (x: number, y: number, ...lines: string[]): Label => ({ at: [x, y], isBefore: false, lines });

test('words stand where they belong as long as nothing is there', () => {
  expect(labelPlaces([label(10, 10, '20 HU'), label(200, 10, '30 HU'), label(10, 60, '')])).toEqual([
    [10, 10],
    [200, 10],
    [10, 60],
  ]);
});

test('words that would lie on others stand below them, also where those had to move', () => {
  const places = labelPlaces([
    label(10, 10, '921.3 mm²', 'Mean 56.6 HU, SD 34.1'),
    label(40, 14, '20 HU'),
    label(60, 20, '30 HU'),
  ]);
  expect(places).toEqual([
    [10, 10],
    [40, 10 + 2 * lineHeightPx + gapPx],
    [60, 10 + 3 * lineHeightPx + 2 * gapPx],
  ]);
});

test('words that end at their place are in the way on its left', () => {
  const before = { ...label(100, 10, 'Nodule'), isBefore: true };
  expect(labelPlaces([before, label(70, 12, '1 mm'), label(104, 12, '2 mm')])).toEqual([
    [100, 10],
    [70, 10 + lineHeightPx + gapPx],
    [104, 12],
  ]);
});
