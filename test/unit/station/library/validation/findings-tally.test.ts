import { expect, it } from 'vitest';
import type { Finding } from '../../../../../src/contract/import-report.ts';
import { FindingsTally } from '../../../../../src/station/library/validation/findings-tally.ts';

const finding = (kind: Finding['kind'], subject: string, more: Partial<Finding> = {}): Finding => ({
  kind,
  studyInstanceUID: '1.2',
  seriesInstanceUID: '1.2.1',
  subject,
  what: 'It breaks off.',
  count: 1,
  ...more,
});

it('of a million damaged files the first are named and all are counted', () => {
  const tally = new FindingsTally();
  for (let file = 0; file < 1_000_000; file += 1) tally.add(finding('damaged', `${file}.dcm`));
  tally.add(finding('missing-slices', 'Series 1', { count: 3 }));
  const { counts, kept } = tally.end();
  expect(counts).toContainEqual({ kind: 'damaged', findings: 1_000_000, count: 1_000_000 });
  expect(counts).toContainEqual({ kind: 'missing-slices', findings: 1, count: 3 });
  const damaged = kept.filter(({ kind }) => kind === 'damaged');
  expect(damaged).toHaveLength(20_001);
  expect(damaged.at(-1)).toMatchObject({ subject: '… and 980000 more', count: 980_000 });
});

it('one suspicion of many series is told once, with their number', () => {
  const tally = new FindingsTally();
  const what = 'All 2 images: modality US.';
  for (const series of ['a', 'b', 'c']) tally.add(finding('burned-in-text', series, { what, count: 2 }));
  tally.add(finding('burned-in-text', 'd', { what: '1 image: modality SC.' }));
  expect(tally.end().kept).toMatchObject([
    { subject: '3 series, the first of them: a', what: '6 images: modality US.', count: 6 },
    { subject: 'd', what: '1 image: modality SC.', count: 1 },
  ]);
});
