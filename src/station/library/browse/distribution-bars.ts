// From tallies of values to the bars of a chart, each with the filter that finds its studies.
import { type Distribution, notStated } from '../../../contract/browse.ts';
import { type StudyFilterInput, studyFilterSchema } from '../../../contract/study-filter.ts';

export type Tally = ReadonlyMap<string, number>;
type Bar = Distribution['bars'][number];
type Category = 'modality' | 'bodyPartExamined' | 'manufacturer' | 'manufacturerModelName' | 'patientSex' | 'transferSyntaxUID' | 'label'; // prettier-ignore

const mostCategories = 24;
/** Up to so many years, months are told apart. */
const fewYears = 3;
const yearsPerAgeBar = 10;
/** Nobody reaches more: such ages come of wrong dates. */
const mostDecades = 12;

/** A value that no filter takes, because a file states one without end, has a bar without a filter. */
function bar(label: string, studies: number, filter: StudyFilterInput | null): Bar {
  return { label, studies, filter: filter === null ? null : (studyFilterSchema.safeParse(filter).data ?? null) };
}

/** Most frequent first; the rare rest is one bar, and so are those without a value, at the end. */
export function categoryBars(
  field: Category,
  tally: Tally,
  nameOf: (value: string) => string = (value) => value,
): Distribution {
  const stated = [...tally].filter(([value]) => value !== '').sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  const bars = stated.slice(0, mostCategories).map(([value, count]) => bar(nameOf(value), count, { field, anyOf: [value] })); // prettier-ignore
  const rest = stated.slice(mostCategories);
  if (rest.length > 0) bars.push(bar(`${rest.length} others`, rest.reduce((sum, [, count]) => sum + count, 0), null)); // prettier-ignore
  const without = tally.get('') ?? 0;
  if (without > 0) bars.push(bar(notStated, without, filterWithout(field)));
  return { field, kind: 'categories', bars };
}

/** Of series, "has a series without" and "has none with" are two things; of a patient's sex, and of labels, they are one. */
function filterWithout(field: Category): StudyFilterInput | null {
  if (field === 'label') return { field: 'labels', has: false };
  return field === 'patientSex' ? { field, anyOf: [''] } : null;
}

/** By year, or by month where there are few years. */
export function dateBars(tally: Tally): Distribution {
  const dated = [...tally].filter(([date]) => /^\d{6}/.test(date));
  const years = dated.map(([date]) => Number(date.slice(0, 4)));
  const [first, last] = [Math.min(...years), Math.max(...years)];
  const byMonth = last - first < fewYears;
  const counts = new Map<string, number>();
  for (const [date, count] of dated) {
    const period = date.slice(0, byMonth ? 6 : 4);
    counts.set(period, (counts.get(period) ?? 0) + count);
  }
  const bars: Bar[] = [];
  // A wrong date (year 1) must not make a thousand empty bars.
  const from = Math.max(first, last - 150);
  const early = dated.filter(([date]) => Number(date.slice(0, 4)) < from).reduce((sum, [, count]) => sum + count, 0);
  if (early > 0) bars.push(bar(`before ${from}`, early, { field: 'studyDate', to: `${String(from - 1).padStart(4, '0')}1231` })); // prettier-ignore
  for (let year = from; year <= last; year += 1) {
    const text = String(year).padStart(4, '0');
    if (!byMonth) {
      bars.push(bar(text, counts.get(text) ?? 0, { field: 'studyDate', from: `${text}0101`, to: `${text}1231` }));
      continue;
    }
    for (let month = 1; month <= 12; month += 1) {
      const period = `${text}${String(month).padStart(2, '0')}`;
      bars.push(bar(`${text}-${period.slice(4)}`, counts.get(period) ?? 0, { field: 'studyDate', from: `${period}01`, to: `${period}31` })); // prettier-ignore
    }
  }
  const trimmed = byMonth ? withoutEmptyEnds(bars) : bars;
  return { field: 'studyDate', kind: 'ranges', bars: [...trimmed, ...missing(tally.get('') ?? 0)] };
}

/** Decades of life; what is beyond them is one bar. */
export function ageBars(tally: ReadonlyMap<string | number | null, number>): Distribution {
  const counts = new Map<number, number>();
  for (const [age, count] of tally) {
    if (age === null) continue;
    const decade = Math.floor(Number(age) / yearsPerAgeBar);
    counts.set(decade, (counts.get(decade) ?? 0) + count);
  }
  const bars: Bar[] = [];
  const last = Math.min(mostDecades - 1, Math.max(-1, ...counts.keys()));
  for (let decade = 0; decade <= last; decade += 1) {
    const from = decade * yearsPerAgeBar;
    // PatientAge may be in months: the last hundredth of a year before the next bar belongs to this one.
    const filter = { field: 'patientAgeYears', min: from, max: from + yearsPerAgeBar - 0.001 } as const;
    bars.push(bar(`${from}–${from + yearsPerAgeBar - 1}`, counts.get(decade) ?? 0, filter));
  }
  const over = [...counts].reduce((sum, [decade, count]) => sum + (decade < mostDecades ? 0 : count), 0);
  const oldest = mostDecades * yearsPerAgeBar;
  if (over > 0) bars.push(bar(`over ${oldest - 1}`, over, { field: 'patientAgeYears', min: oldest }));
  return { field: 'patientAgeYears', kind: 'ranges', bars: [...bars, ...missing(tally.get(null) ?? 0)] };
}

const thicknessEnds = [0, 0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10] as const;

/** Each bar reaches from above its lower end up to its upper one: 1 mm belongs to 0.5–1. */
export function thicknessBars(tally: Tally): Distribution {
  const counts = new Map<number, number>();
  for (const [joined, count] of tally) {
    if (joined === '') continue;
    const at = joined
      .split('\\')
      .map((text) => thicknessEnds.findIndex((end, index) => index > 0 && Number(text) <= end));
    // A study with 1 mm and 0.8 mm is one study of the bar that both are in.
    for (const bin of new Set(at)) counts.set(bin, (counts.get(bin) ?? 0) + count);
  }
  const bars = thicknessEnds.slice(1).map((end, index) => {
    const start = thicknessEnds[index] ?? 0;
    return bar(`${start}–${end} mm`, counts.get(index + 1) ?? 0, { field: 'sliceThicknessMm', min: index === 0 ? 0 : start + 0.01, max: end });
  }); // prettier-ignore
  const thick = counts.get(-1) ?? 0;
  bars.push(bar('over 10 mm', thick, { field: 'sliceThicknessMm', min: 10.01 }));
  return {
    field: 'sliceThicknessMm',
    kind: 'ranges',
    bars: [...withoutEmptyEnds(bars), ...missing(tally.get('') ?? 0)],
  };
}

const imageEnds = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000];

export function imageBars(tally: ReadonlyMap<string | number | null, number>): Distribution {
  const counts = imageEnds.map(() => 0);
  let more = 0;
  for (const [value, count] of tally) {
    const at = imageEnds.findIndex((end) => Number(value) <= end);
    if (at === -1) more += count;
    else counts[at] = (counts[at] ?? 0) + count;
  }
  const bars = imageEnds.map((end, index) => {
    const start = (imageEnds[index - 1] ?? -1) + 1;
    const label = start === end ? String(end) : `${start}–${end}`;
    return bar(label, counts[index] ?? 0, { field: 'instances', min: start, max: end });
  });
  bars.push(bar('over 5,000', more, { field: 'instances', min: 5_001 }));
  return { field: 'instances', kind: 'ranges', bars: withoutEmptyEnds(bars) };
}

function missing(count: number): Bar[] {
  return count === 0 ? [] : [bar(notStated, count, null)];
}

function withoutEmptyEnds(bars: readonly Bar[]): Bar[] {
  const first = bars.findIndex(({ studies }) => studies > 0);
  return first === -1 ? [] : bars.slice(first, bars.findLastIndex(({ studies }) => studies > 0) + 1);
}
