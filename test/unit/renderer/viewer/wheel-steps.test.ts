import { expect, test } from 'vitest';
import { WheelSteps } from '../../../../src/renderer/viewer/wheel-steps.ts';

test('a notch of a wheel is one image, however many pixels the system makes of it', () => {
  const wheel = new WheelSteps();
  for (const deltaY of [100, 120, 53, 66.7]) {
    expect(wheel.take({ deltaY, wheelDeltaY: -120 })).toBe(1);
    expect(wheel.take({ deltaY: -deltaY, wheelDeltaY: 120 })).toBe(-1);
  }
  expect(wheel.take({ deltaY: 200, wheelDeltaY: -240 })).toBe(2);
});

test('a touch pad goes on by pixels, keeps what is left over, and never leaps', () => {
  const wheel = new WheelSteps();
  const steps = [20, 20, 20, -10, 900].map((deltaY) =>
    wheel.take({ deltaY, wheelDeltaY: deltaY === -10 ? 30 : -3 * deltaY + 1 }),
  );
  expect(steps.slice(0, 4)).toEqual([0, 0, 1, 0]);
  expect(steps[4]).toBe(3);
});
