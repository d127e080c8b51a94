import { describe, expect, test } from 'vitest';
import { ageBars, categoryBars, thicknessBars } from '../../../../../src/station/library/browse/distribution-bars.ts';

describe('the bars of a distribution', () => {
  test('a label that joins the names of many segments has a bar and a filter', () => {
    const joined = Array.from({ length: 60 }, (_, index) => `RGB(${index}, 0, 0)`).join(' + ');
    const { bars } = categoryBars('label', new Map([[joined, 2]]));
    expect(bars).toEqual([{ label: joined, studies: 2, filter: { field: 'label', anyOf: [joined] } }]);
  });

  test('ages that nobody reaches are one bar, and counted', () => {
    const { bars } = ageBars(new Map([[34, 1], [119, 1], [127, 2], [230, 3], [null, 4]])); // prettier-ignore
    expect(bars.slice(-3).map(({ label, studies }) => [label, studies])).toEqual([
      ['110–119', 1],
      ['over 119', 5],
      ['not stated', 4],
    ]);
    expect(bars.at(-2)?.filter).toMatchObject({ field: 'patientAgeYears', min: 120, max: null });
  });

  test('studies without a slice thickness are counted, and one of 0 mm is found by its bar', () => {
    const { bars } = thicknessBars(new Map([['0', 1], ['1', 2], ['', 5]])); // prettier-ignore
    expect(bars.map(({ label, studies }) => [label, studies])).toEqual([
      ['0–0.5 mm', 1],
      ['0.5–1 mm', 2],
      ['not stated', 5],
    ]);
    expect(bars[0]?.filter).toMatchObject({ field: 'sliceThicknessMm', min: 0, max: 0.5 });
  });

  test('a value that no filter takes keeps its bar, and the others theirs', () => {
    const endless = 'x'.repeat(100_000);
    const tally = new Map([[endless, 1], ['GE', 3]]); // prettier-ignore
    const { bars } = categoryBars('manufacturer', tally);
    expect(bars.map(({ studies, filter }) => [studies, filter !== null])).toEqual([
      [3, true],
      [1, false],
    ]);
  });
});
