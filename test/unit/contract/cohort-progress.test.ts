import { expect, test } from 'vitest';
import { cohortProgressWords } from '../../../src/contract/cohort.ts';

test('the progress of a cohort is told in words, with a total where there is one', () => {
  expect(cohortProgressWords({ stage: 'choose', done: 1, total: null })).toBe('Chose 1 image');
  expect(cohortProgressWords({ stage: 'label', done: 1_200, total: 200_000 })).toBe('Read 1,200 of 200,000 labels');
  expect(cohortProgressWords({ stage: 'keep', done: 0, total: 1 })).toBe('Keeps 0 of 1 image');
});
