import { expect, test } from 'vitest';
import { metricsSchema } from '../../../src/contract/metrics.ts';
import { estimateText, hausdorffText } from '../../../src/cli/follow-run.ts';

test('an interval that nothing bounds says so, not a number of three hundred digits', () => {
  expect(estimateText({ value: 0.75, low: 0.5, high: 1 })).toBe('0.750 [0.500, 1.000]');
  expect(estimateText({ value: 3.2, low: 0, high: Number.MAX_VALUE })).toBe('3.200 [0.000, no bound]');
  expect(estimateText(null)).toBe('n/a');
});

test('a distance tells how many patients it is whole of, where that is not all of them', () => {
  const metrics = metricsSchema.parse({
    task: 'segmentation',
    examples: 10,
    patients: 10,
    loss: 1,
    accuracy: null,
    auc: null,
    balancedAccuracy: 0.5,
    calibrationError: 0,
    hausdorff95: { value: 3, low: 2, high: 4 },
    hausdorffUnit: 'mm',
    hausdorffPatients: 1,
    perClass: [],
    confusion: [],
  });
  expect(hausdorffText(metrics)).toContain('mm (whole in 1 of 10 patients');
  expect(hausdorffText({ ...metrics, hausdorffPatients: 10 })).toBe('Hausdorff 95 3.000 [2.000, 4.000] mm');
});
