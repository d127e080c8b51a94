import { expect, it, vi } from 'vitest';
import { runControl } from '../../../../src/trainer/run/run-control.ts';

/** Whether the promise is settled once all that can happen now has happened. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => (settled = true));
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

it('a turn stands still while the run is paused or held, each for itself, and tells of it', async () => {
  const control = runControl({ heldFor: 'it is night' });
  const told: (string | null)[] = [];
  control.watchWaits(() => told.push(control.isPaused ? 'paused' : control.waitsFor));
  const turn = control.turn();
  expect(await isSettled(turn)).toBe(false);
  control.pause();
  expect(await isSettled(turn)).toBe(false);
  control.hold(null);
  expect(await isSettled(turn)).toBe(false);
  control.resume();
  expect(await isSettled(turn)).toBe(true);
  expect(told).toEqual(['it is night', 'paused', 'paused']);
});

it('a stop ends every wait', async () => {
  const control = runControl({ heldFor: 'it is night' });
  control.rest(60_000);
  const turn = control.turn();
  control.stop();
  expect(await isSettled(turn)).toBe(true);
  expect(control.waitsFor).toBeNull();
});

it('a rest lasts its time, and a longer one is not cut short by a shorter', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  try {
    const control = runControl();
    control.rest(2_000);
    control.rest(100);
    const turn = control.turn();
    expect(await isSettled(turn)).toBe(false);
    await vi.advanceTimersByTimeAsync(1_900);
    expect(await isSettled(turn)).toBe(false);
    await vi.advanceTimersByTimeAsync(200);
    expect(await isSettled(turn)).toBe(true);
  } finally {
    vi.useRealTimers();
  }
});
