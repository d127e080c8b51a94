import { expect, test } from 'vitest';
import { splitNames } from '../../../../src/contract/training.ts';
import { classWarnings, countsOf, patientClasses } from '../../../../src/station/cohorts/cohort-summary.ts';

test('of several labels, one that a split lacks and one that all of its images have are told', () => {
  const labelsOf = [
    ...Array.from({ length: 12 }, (_, patient) => (patient % 2 === 0 ? [0, 1] : [])),
    ...Array.from({ length: 6 }, (_, patient) => (patient % 2 === 0 ? [0] : [1])),
    ...Array.from({ length: 6 }, () => [1]),
  ];
  const splits = Uint8Array.from(labelsOf, (_, patient) =>
    splitNames.indexOf(patient < 12 ? 'train' : patient < 18 ? 'validation' : 'test'),
  );
  const items = labelsOf.map((labels, patient) => ({ patient, labels }));
  const shown = patientClasses({ patients: items.length, classes: 2 });
  for (const item of items) shown.take(item);
  const { classes, split } = countsOf('multi-label', shown, splits, ['contrast', 'siemens']);
  expect(classes).toEqual([
    { name: 'contrast', instances: 9, patients: 9 },
    { name: 'siemens', instances: 15, patients: 15 },
  ]);
  expect(split.validation).toEqual({ instances: 6, patients: 6 });
  expect(classWarnings('multi-label', shown, splits, classes)).toEqual([
    'No patient of “contrast” is in the test split.',
    'Every image of the test split has “siemens”: no AUC there.',
  ]);
  expect(classWarnings('classification', shown, splits, classes)).not.toContainEqual(expect.stringContaining('no AUC'));
});
