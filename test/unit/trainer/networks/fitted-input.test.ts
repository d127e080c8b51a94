import { expect, test } from 'vitest';
import { resolveNetwork } from '../../../../src/trainer/networks/catalogue.ts';
import { withFittedInput } from '../../../../src/trainer/networks/fitted-input.ts';
import { planNetwork } from '../../../../src/trainer/networks/plan.ts';

const sideFor = (largest: number | null): number => withFittedInput(resolveNetwork('unet'), largest).input.height;

test('a U-Net for small volumes takes the smallest input that holds them, and never a larger one than its own', () => {
  expect(sideFor(50)).toBe(64);
  expect(sideFor(64)).toBe(64);
  expect(sideFor(65)).toBe(80);
  expect(sideFor(3)).toBe(32);
  expect(sideFor(512)).toBe(128);
  expect(sideFor(null)).toBe(128);
});

test('the fitted network has the same weights', () => {
  const own = resolveNetwork('unet');
  const fitted = withFittedInput(own, 50);
  expect(planNetwork(fitted, 3).weights).toEqual(planNetwork(own, 3).weights);
});

test('networks that see a whole image at once stay as they are', () => {
  const network = resolveNetwork('resnet18');
  expect(withFittedInput(network, 28)).toBe(network);
});
