import { expect, test } from 'vitest';
import { Fault } from '../../../../src/contract/fault.ts';
import { logErfc } from '../../../../src/trainer/privacy/log-erfc.ts';
import {
  composedLoss,
  lossByStep,
  noiseMultiplierFor,
  privacyLoss,
  stepsWithin,
} from '../../../../src/trainer/privacy/rdp-accountant.ts';

test('ε is the published value (Opacus, RDP: q 0.04, σ 1.5, 2,250 steps, δ 1e-5)', () => {
  const { epsilon } = privacyLoss({ sampleRate: 0.04, noiseMultiplier: 1.5, steps: 2_250 }, 1e-5);
  expect(Math.abs(epsilon - 7.32911)).toBeLessThan(1e-4);
});

test('without sampling ε is that of the Gaussian mechanism, whose divergence is α / 2σ²', () => {
  const sigma = 4;
  const delta = 1e-6;
  const exact = (order: number): number =>
    order / (2 * sigma * sigma) - (Math.log(delta) + Math.log(order)) / (order - 1) + Math.log((order - 1) / order);
  const { epsilon, order } = privacyLoss({ sampleRate: 1, noiseMultiplier: sigma, steps: 1 }, delta);
  expect(epsilon).toBeCloseTo(exact(order), 12);
  for (const other of [order - 1, order + 1]) expect(epsilon).toBeLessThanOrEqual(exact(other));
});

test('fractional orders lie between the whole ones beside them', () => {
  // The divergence grows with its order; one step at δ makes the order visible through the loss of many steps.
  const loss = (steps: number): number => privacyLoss({ sampleRate: 0.01, noiseMultiplier: 1.1, steps }, 1e-5).epsilon;
  const losses = [10, 100, 1_000, 10_000, 100_000].map(loss);
  expect(losses).toEqual([...losses].sort((a, b) => a - b));
  expect(losses.every(Number.isFinite)).toBe(true);
});

test('the noise for a budget spends the budget and no more', () => {
  const steps = { sampleRate: 0.04, steps: 2_250 };
  const sigma = noiseMultiplierFor(7.32911, steps, 1e-5);
  expect(sigma).toBeCloseTo(1.5, 4);
  const { epsilon } = privacyLoss({ ...steps, noiseMultiplier: sigma }, 1e-5);
  expect(epsilon).toBeLessThanOrEqual(7.32911);
});

test('the steps within a budget are the last before it is overspent', () => {
  const steps = stepsWithin(7.32911, { sampleRate: 0.04, noiseMultiplier: 1.5 }, 1e-5);
  const spent = (count: number): number =>
    privacyLoss({ sampleRate: 0.04, noiseMultiplier: 1.5, steps: count }, 1e-5).epsilon;
  expect(spent(steps)).toBeLessThanOrEqual(7.32911);
  expect(spent(steps + 1)).toBeGreaterThan(7.32911);
});

test('numbers out of range are faults that name them', () => {
  const faultOf = (act: () => unknown): unknown => {
    try {
      return act();
    } catch (error) {
      return error instanceof Fault ? `${error.code} ${error.message}` : error;
    }
  };
  expect(faultOf(() => privacyLoss({ sampleRate: 1.5, noiseMultiplier: 1, steps: 1 }, 1e-5))).toMatch(/^680 q/);
  expect(faultOf(() => privacyLoss({ sampleRate: 0.1, noiseMultiplier: Number.NaN, steps: 1 }, 1e-5))).toMatch(
    /^680 sigma/,
  );
  expect(faultOf(() => privacyLoss({ sampleRate: 0.1, noiseMultiplier: 1, steps: 1 }, 0))).toMatch(/^680 delta/);
  // So little noise that its square is 0 in double precision: it is refused, not reckoned for ever.
  expect(faultOf(() => privacyLoss({ sampleRate: 0.01, noiseMultiplier: 1e-170, steps: 1 }, 1e-5))).toMatch(
    /^680 sigma/,
  );
  expect(privacyLoss({ sampleRate: 0.01, noiseMultiplier: 1e-3, steps: 1 }, 1e-5).epsilon).toBeGreaterThan(1e5);
  expect(noiseMultiplierFor(1e9, { sampleRate: 0.01, steps: 1 }, 1e-5)).toBe(1e-3);
  expect(faultOf(() => noiseMultiplierFor(1e-9, { sampleRate: 1, steps: 1_000_000 }, 1e-12))).toMatch(/^681 /);
});

test('ln erfc agrees with tabulated values, also far beyond where erfc is 0', () => {
  // Abramowitz & Stegun table 7.1 and 7.3; erfc(30) = 2.564656203756111e-393.
  expect(logErfc(0)).toBe(0);
  expect(Math.exp(logErfc(0.5))).toBeCloseTo(0.4795001221869535, 13);
  expect(Math.exp(logErfc(2))).toBeCloseTo(0.004677734981047266, 15);
  expect(Math.exp(logErfc(-1))).toBeCloseTo(1.842700792949715, 13);
  expect(logErfc(30)).toBeCloseTo(Math.log(2.564656203756111) - 393 * Math.LN10, 9);
  // The two ways of reckoning meet.
  expect(logErfc(2.5 + 1e-12)).toBeCloseTo(logErfc(2.5 - 1e-12), 9);
});

test('trainings on the same images add up: halves make the whole, and others cost more than each alone', () => {
  const half = { sampleRate: 0.04, noiseMultiplier: 1.5, steps: 1_125 };
  expect(composedLoss([half, half], 1e-5).epsilon).toBeCloseTo(7.32911, 4);
  const other = { sampleRate: 0.1, noiseMultiplier: 2, steps: 100 };
  const both = composedLoss([half, other], 1e-5).epsilon;
  expect(both).toBeGreaterThan(privacyLoss(half, 1e-5).epsilon);
  expect(both).toBeLessThan(privacyLoss(half, 1e-5).epsilon + privacyLoss(other, 1e-5).epsilon);
  expect(composedLoss([], 1e-5).epsilon).toBe(0);
  expect(lossByStep(half, 1e-5)(2_250).epsilon).toBeCloseTo(7.32911, 4);
});

test('what was spent before leaves fewer steps, and none once the budget is spent', () => {
  const training = { sampleRate: 0.04, noiseMultiplier: 1.5 };
  const all = stepsWithin(7, training, 1e-5);
  expect(stepsWithin(7, training, 1e-5, [{ ...training, steps: 500 }])).toBe(all - 500);
  expect(stepsWithin(7, training, 1e-5, [{ ...training, steps: all }])).toBe(0);
});
