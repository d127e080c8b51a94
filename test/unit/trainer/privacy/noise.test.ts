import { expect, it } from 'vitest';
import { cryptographicChance, poissonSample, testChance } from '../../../../src/trainer/privacy/noise.ts';

/** Largest distance between the numbers' distribution and the standard normal one, times √n (Kolmogorov–Smirnov). */
function distanceFromNormal(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const n = sorted.length;
  const distance = sorted.reduce((most, value, index) => {
    const expected = normalBelow(value);
    return Math.max(most, Math.abs(expected - index / n), Math.abs(expected - (index + 1) / n));
  }, 0);
  return distance * Math.sqrt(n);
}

/** Φ by its series (Abramowitz & Stegun 26.2.10), good for |x| < 7. */
function normalBelow(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-16; n += 1) {
    term *= (-x * x) / (2 * n);
    sum += term / (2 * n + 1);
  }
  return 0.5 + sum / Math.sqrt(2 * Math.PI);
}

it('the noise of a seed is standard normal (Kolmogorov–Smirnov below its 1 % bound; variance and kurtosis)', () => {
  const chance = testChance(1);
  const values = Array.from({ length: 40_000 }, () => chance.normal());
  expect(distanceFromNormal(values)).toBeLessThan(1.63);
  const moment = (power: number) => values.reduce((total, value) => total + value ** power, 0) / values.length;
  expect(moment(1)).toBeCloseTo(0, 1);
  expect(Math.abs(moment(2) - 1)).toBeLessThan(0.03);
  expect(Math.abs(moment(4) - 3)).toBeLessThan(0.25);
});

it('the test would notice noise of a twentieth too much', () => {
  const chance = testChance(1);
  expect(distanceFromNormal(Array.from({ length: 40_000 }, () => chance.normal() * 1.05))).toBeGreaterThan(1.63);
});

it('cryptographic noise is normal too, and never the same twice', () => {
  const [a, b] = [cryptographicChance(), cryptographicChance()];
  const values = Array.from({ length: 20_000 }, () => a.normal());
  // The bound is passed by one right source in 500 million.
  expect(distanceFromNormal(values)).toBeLessThan(3.3);
  expect(values.slice(0, 8)).not.toEqual(Array.from({ length: 8 }, () => b.normal()));
});

it('takes each example with the sample rate, so that a batch may be empty', () => {
  const examples = Int32Array.from({ length: 400 }, (_, index) => index * 3);
  const chance = testChance(2);
  const counts = Array.from({ length: 500 }, () => poissonSample(examples, 0.05, chance).length);
  const mean = counts.reduce((total, count) => total + count, 0) / counts.length;
  const variance = counts.reduce((total, count) => total + (count - mean) ** 2, 0) / counts.length;
  // Binomial: mean 20, variance 19.
  expect(Math.abs(mean - 20)).toBeLessThan(1);
  expect(Math.abs(variance - 19)).toBeLessThan(5);
  expect(poissonSample(examples.subarray(0, 2), 0.0001, chance)).toHaveLength(0);
  expect([...poissonSample(examples, 1, chance)]).toEqual([...examples]);
});
