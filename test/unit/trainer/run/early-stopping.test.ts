import { expect, it } from 'vitest';
import type { Epoch } from '../../../../src/contract/training.ts';
import { bestEpoch, isOutOfPatience } from '../../../../src/trainer/run/early-stopping.ts';

const epochs = (...losses: (number | null)[]): Epoch[] =>
  losses.map((loss, index) => ({
    epoch: index + 1,
    loss: 1,
    validation: loss === null ? null : ({ loss } as Epoch['validation']),
  }));

it('the best epoch is the first with the lowest validation loss', () => {
  expect(bestEpoch(epochs(0.5, 0.3, 0.4, 0.3))).toBe(2);
  expect(bestEpoch(epochs(null, null))).toBeNull();
});

it('patience ends after so many epochs without a lower validation loss, and never when it is off', () => {
  expect(isOutOfPatience(epochs(0.5, 0.3, 0.4), 2)).toBe(false);
  expect(isOutOfPatience(epochs(0.5, 0.3, 0.4, 0.35), 2)).toBe(true);
  expect(isOutOfPatience(epochs(0.5, 0.3, 0.4, 0.35), 0)).toBe(false);
  expect(isOutOfPatience(epochs(null, null, null), 1)).toBe(false);
});
