import { describe, expect, it } from 'vitest';
import { jpegHeader } from '../../../../../src/station/library/pixels/jpeg/markers.ts';
import { losslessSamples } from '../../../../../src/station/library/pixels/jpeg/jpeg-lossless.ts';
import { picture } from './dicom-files.ts';
import { losslessJpeg, type LosslessOptions } from './lossless-jpeg.ts';

function returned(options: LosslessOptions): { values: Int32Array; decoded: Uint16Array } {
  const values = picture(options.rows, options.columns, options.components, options.precision);
  const bytes = losslessJpeg(values, options);
  return { values, decoded: losslessSamples(bytes, jpegHeader(bytes)) };
}

describe('lossless JPEG', () => {
  const shape = { rows: 19, columns: 23, components: 1, precision: 16, predictor: 1 };

  it.each([1, 2, 3, 4, 5, 6, 7])('returns every value with predictor %i', (predictor) => {
    const { values, decoded } = returned({ ...shape, predictor });
    expect([...decoded]).toEqual([...values]);
  });

  it.each([2, 8, 10, 12, 16])('returns every value of %i bits', (precision) => {
    const { values, decoded } = returned({ ...shape, precision });
    expect([...decoded]).toEqual([...values]);
  });

  it('returns three components, also deeper than 8 bits', () => {
    const { values, decoded } = returned({ ...shape, components: 3, precision: 12, predictor: 4 });
    expect([...decoded]).toEqual([...values]);
  });

  it('begins anew after restart markers', () => {
    const { values, decoded } = returned({ ...shape, restartRows: 4, predictor: 6 });
    expect([...decoded]).toEqual([...values]);
  });

  it('shifts back what a point transform took off', () => {
    const { values, decoded } = returned({ ...shape, precision: 12, pointTransform: 3 });
    expect([...decoded]).toEqual([...values].map((value) => (value >> 3) << 3));
  });

  it('refuses a stream that breaks off anywhere', () => {
    const whole = losslessJpeg(picture(19, 23, 1, 16), shape);
    for (let length = 0; length < whole.length - 2; length += 7) {
      const cut = whole.subarray(0, length);
      expect(() => losslessSamples(cut, jpegHeader(cut)), `cut at ${length}`).toThrow(/cannot be decoded/);
    }
  });
});
