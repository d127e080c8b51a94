import { expect, it } from 'vitest';
import { learningRateAt } from '../../../../src/trainer/run/schedule.ts';

it('a constant schedule never changes', () => {
  expect(learningRateAt({ schedule: 'constant', learningRate: 0.1 }, 99, 100)).toBe(0.1);
});

it('a cosine schedule starts full, is half in the middle and ends near zero', () => {
  const cosine = { schedule: 'cosine', learningRate: 0.1 } as const;
  expect(learningRateAt(cosine, 0, 100)).toBe(0.1);
  expect(learningRateAt(cosine, 50, 100)).toBeCloseTo(0.05, 12);
  expect(learningRateAt(cosine, 99, 100)).toBeLessThan(1e-4);
  expect(learningRateAt(cosine, 0, 0)).toBe(0.1);
});
