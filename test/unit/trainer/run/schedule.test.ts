import { expect, it } from 'vitest';
import { hyperParametersSchema } from '../../../../src/contract/training.ts';
import { learningRateAt } from '../../../../src/trainer/run/schedule.ts';

const plan = (settings: object) => hyperParametersSchema.parse({ learningRate: 0.1, ...settings });

it('a constant schedule never changes', () => {
  expect(learningRateAt(plan({ schedule: 'constant' }), 99, 100)).toBe(0.1);
});

it('a cosine schedule starts full, is half in the middle and ends near zero', () => {
  const cosine = plan({ schedule: 'cosine' });
  expect(learningRateAt(cosine, 0, 100)).toBe(0.1);
  expect(learningRateAt(cosine, 50, 100)).toBeCloseTo(0.05, 12);
  expect(learningRateAt(cosine, 99, 100)).toBeLessThan(1e-4);
  expect(learningRateAt(cosine, 0, 0)).toBe(0.1);
});

it('a step schedule falls by its factor after every so many epochs', () => {
  const step = plan({ schedule: 'step', epochs: 10, stepEpochs: 4, stepFactor: 0.5 });
  const rates = [0, 39, 40, 79, 80, 99].map((at) => learningRateAt(step, at, 100));
  expect(rates).toEqual([0.1, 0.1, 0.05, 0.05, 0.025, 0.025]);
});

it('a warm-up rises to the full rate, and the cosine begins after it', () => {
  const warm = plan({ schedule: 'cosine', warmupSteps: 4 });
  expect([0, 1, 2, 3, 4].map((at) => learningRateAt(warm, at, 104))).toEqual([0.025, 0.05, 0.1 * 0.75, 0.1, 0.1]);
  expect(learningRateAt(warm, 54, 104)).toBeCloseTo(0.05, 12);
  // Longer than the run: it only rises.
  expect(learningRateAt(plan({ warmupSteps: 10 }), 4, 5)).toBeCloseTo(0.05, 12);
});
