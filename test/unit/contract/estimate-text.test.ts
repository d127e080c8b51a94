import { expect, test } from 'vitest';
import { aucScope, intervalCaution } from '../../../src/contract/estimate-text.ts';
import type { Metrics } from '../../../src/contract/metrics.ts';

const metrics = (...areas: (number | null)[]): Pick<Metrics, 'auc' | 'perClass'> => ({
  auc: areas.every((area) => area === null) ? null : { value: 0.5, low: 0, high: 1 },
  perClass: areas.map((auc) => ({ auc }) as Metrics['perClass'][number]),
});

test('a mean AUC says of how many classes it is, where some have none', () => {
  expect(aucScope(metrics(0.3, null))).toBe('mean of 1 of 2 classes');
  expect(aucScope(metrics(0.3, 0.4))).toBeNull();
  expect(aucScope(metrics(null, null))).toBeNull();
});

test('the intervals of few patients come with a caution', () => {
  expect(intervalCaution({ patients: 2 })).toBe('Of only 2 patients: the intervals are rough.');
  expect(intervalCaution({ patients: 10 })).toBeNull();
});
