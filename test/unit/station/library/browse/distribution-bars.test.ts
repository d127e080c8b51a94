import { describe, expect, test } from 'vitest';
import { categoryBars } from '../../../../../src/station/library/browse/distribution-bars.ts';

describe('the bars of a distribution', () => {
  test('a label that joins the names of many segments has a bar and a filter', () => {
    const joined = Array.from({ length: 60 }, (_, index) => `RGB(${index}, 0, 0)`).join(' + ');
    const { bars } = categoryBars('label', new Map([[joined, 2]]));
    expect(bars).toEqual([{ label: joined, studies: 2, filter: { field: 'label', anyOf: [joined] } }]);
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
