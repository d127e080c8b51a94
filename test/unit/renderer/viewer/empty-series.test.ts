import { describe, expect, test } from 'vitest';
import type { Series, Study } from '../../../../src/contract/dicom.ts';
import { emptySeriesReason } from '../../../../src/renderer/viewer/empty-series.ts';

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
