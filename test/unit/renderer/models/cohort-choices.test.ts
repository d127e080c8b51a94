import { expect, test } from 'vitest';
import { cohortSchema } from '../../../../src/contract/cohort.ts';
import { modelSchema } from '../../../../src/contract/model.ts';
import { cohortChoices } from '../../../../src/renderer/models/cohort-choices.ts';

const model = modelSchema.parse({
  id: '0123456789abcdef',
  network: 'cnn-small',
  cohort: 'mednist',
  cohortHash: 'aa',
  createdAt: '2026-11-28T20:00:00.000Z',
  classes: ['CXR', 'Hand', 'HeadCT'],
  parents: [],
  weightsHash: 'bb',
  test: null,
});

const cohort = (name: string, classes: string[], task = 'classification'): ReturnType<typeof cohortSchema.parse> =>
  cohortSchema.parse({
    name,
    task,
    version: 1,
    hash: 'cc',
    createdAt: '2026-11-28T20:00:00.000Z',
    query: '',
    instances: 1,
    patients: 1,
    studies: 1,
    classes: classes.map((one) => ({ name: one, instances: 1, patients: 1 })),
    split: Object.fromEntries(['train', 'validation', 'test'].map((split) => [split, { instances: 0, patients: 0 }])),
    modalities: [],
    unlabelled: 0,
    warnings: [],
  });

test('proposes the own cohort first, then those whose classes are known, and says why others do not fit', () => {
  const all = [
    cohort('contrast', ['0', '1']),
    cohort('hands', ['Hand']),
    cohort('masks', ['background', 'Hand'], 'segmentation'),
    cohort('mednist', ['CXR', 'Hand', 'HeadCT']),
  ];
  expect(cohortChoices(model, all)).toEqual([
    { name: 'mednist', problem: null },
    { name: 'hands', problem: null },
    { name: 'contrast', problem: 'the model does not know 0, 1' },
  ]);
});

test('names a few of many classes', () => {
  expect(cohortChoices(model, [cohort('digits', ['0', '1', '2', '3'])])[0]?.problem).toBe(
    'the model does not know 0, 1, 2, …',
  );
});

test('proposes the newest of those that fit', () => {
  const older = cohort('a', ['CXR']);
  const newer = { ...cohort('b', ['CXR']), createdAt: '2026-11-29T08:00:00.000Z' };
  expect(cohortChoices(model, [older, newer]).map(({ name }) => name)).toEqual(['b', 'a']);
});
