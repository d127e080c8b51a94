import { describe, expect, test } from 'vitest';
import type { Instance, Series, Study } from '../../../../src/contract/dicom.ts';
import { emptySeriesReason, leftOutNote } from '../../../../src/renderer/viewer/empty-series.ts';

const reasonFor = (modality: string): string => {
  const series = { modality } as Series;
  return emptySeriesReason(series, { series: [series] } as unknown as Study);
};

describe('what is said of a series without images', () => {
  test('a recording is not taken for an image that lost its pixels', () => {
    expect(reasonFor('ECG')).toContain('a recording (ECG)');
    expect(reasonFor('CT')).toContain('no pixels');
  });
});

test('objects without pixels among images are told, not passed over', () => {
  const held = (...rows: number[]): Instance[] => rows.map((height) => ({ rows: height }) as Instance);
  expect(leftOutNote(held(128, 128))).toBeNull();
  expect(leftOutNote(held(128, 0))).toBe('1 file without pixels is not shown');
  expect(leftOutNote(held(0, 128, 0))).toBe('2 files without pixels are not shown');
  // A series without a single image says more.
  expect(leftOutNote(held(0, 0))).toBeNull();
});
