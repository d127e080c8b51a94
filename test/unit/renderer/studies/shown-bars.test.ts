import { expect, test } from 'vitest';
import { notStated } from '../../../../src/contract/browse.ts';
import { mostTicks, shownBars, tickOf } from '../../../../src/renderer/studies/shown-bars.ts';

const bars = (labels: readonly string[]): { label: string; studies: number; filter: null }[] =>
  labels.map((label) => ({ label, studies: 1, filter: null }));
const labels = (shown: readonly { label: string }[]): string[] => shown.map(({ label }) => label);

test('what is not stated is shown also where a chart is cut short', () => {
  expect(labels(shownBars(bars(['CHEST', 'HEAD', 'ABDOMEN', notStated]), 3))).toEqual(['CHEST', 'HEAD', notStated]);
  expect(labels(shownBars(bars(['CT', 'MR', 'US', 'CR']), 3))).toEqual(['CT', 'MR', 'US']);
  expect(labels(shownBars(bars(['CT', notStated]), 3))).toEqual(['CT', notStated]);
});

test('long labels are fewer', () => {
  expect(mostTicks(bars(['2001', '2002']))).toBe(7);
  expect(mostTicks(bars(['0–9', '110–119', 'over 119']))).toBe(4);
});

test('every bar has its words where they fit, else every second, third, and so on', () => {
  const few = bars(['4–5 mm', '5–6 mm']);
  expect(few.map((_, index) => tickOf(few, index, 7))).toEqual(['4–5', '5–6']);
  const years = bars(Array.from({ length: 20 }, (_, index) => String(2000 + index)));
  const ticks = years.map((_, index) => tickOf(years, index, 7));
  expect(ticks.filter((tick) => tick !== '')).toEqual(['2000', '2003', '2006', '2009', '2012', '2015', '2018']);
});
