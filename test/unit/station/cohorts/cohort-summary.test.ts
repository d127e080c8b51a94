import { expect, test } from 'vitest';
import type { CohortItem } from '../../../../src/station/cohorts/cohort-items.ts';
import { classWarnings, countsOf } from '../../../../src/station/cohorts/cohort-summary.ts';

const item = (patient: number, split: CohortItem['split'], labels: number[]): CohortItem => ({
  sopInstanceUID: String(patient),
  patient: String(patient),
  labels,
  split,
  frames: 1,
  frame: null,
  masks: [],
});

test('of several labels, one that a split lacks and one that all of its images have are told', () => {
  const items = [
    ...Array.from({ length: 12 }, (_, patient) => item(patient, 'train', patient % 2 === 0 ? [0, 1] : [])),
    ...Array.from({ length: 6 }, (_, patient) => item(20 + patient, 'validation', patient % 2 === 0 ? [0] : [1])),
    ...Array.from({ length: 6 }, (_, patient) => item(40 + patient, 'test', [1])),
  ];
  const { classes } = countsOf('multi-label', items, ['contrast', 'siemens']);
  expect(classWarnings('multi-label', items, classes)).toEqual([
    'No patient of “contrast” is in the test split.',
    'Every image of the test split has “siemens”: no AUC there.',
  ]);
  expect(classWarnings('classification', items, classes)).not.toContainEqual(expect.stringContaining('no AUC'));
});
