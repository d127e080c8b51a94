import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { openHubStanding } from '../../../../src/sync/site/hub-standing.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('an order waits for what the hub says on the connection at hand: what was cut off within a breath, or said on another one, does not count', async () => {
  const standing = openHubStanding(() => true);
  standing.up();
  standing.membersTold();
  await vi.advanceTimersByTimeAsync(100);
  standing.down('the line was cut');
  await vi.advanceTimersByTimeAsync(1_000);
  standing.up();
  let isTried = false;
  void standing.tried().then(() => (isTried = true));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(isTried).toBe(false);
  standing.membersTold();
  await vi.advanceTimersByTimeAsync(200);
  expect(isTried).toBe(true);
  standing.down('the line was cut');
  standing.up();
  isTried = false;
  void standing.tried().then(() => (isTried = true));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(isTried).toBe(false);
  // Nor does it wait for a hub that is away.
  standing.down('the line was cut');
  await vi.advanceTimersByTimeAsync(0);
  expect(isTried).toBe(true);
});
