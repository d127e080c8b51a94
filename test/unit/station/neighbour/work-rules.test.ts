import { expect, test } from 'vitest';
import { workRules } from '../../../../src/station/neighbour/work-rules.ts';

const { signal } = new AbortController();

test('work waits for as long as there is a reason, and tells it once', async () => {
  let asked = 0;
  const told: (string | null)[] = [];
  const waitsFor = (): string | null => ((asked += 1) < 4 ? 'the workstation is too hot' : null);
  const waits: number[] = [];
  const wait = async (milliseconds: number): Promise<void> => void waits.push(milliseconds);
  const rules = workRules({ threads: () => 2, computeShare: () => 1, waitsFor, wait });
  await rules.turn({ workedMs: 9_000, signal, onWait: (why) => told.push(why) });
  expect(told).toEqual(['the workstation is too hot', null]);
  expect(waits).toHaveLength(3);
});

test('of a quarter of the time three times the work is rested', async () => {
  const waits: number[] = [];
  const wait = async (milliseconds: number): Promise<void> => void waits.push(milliseconds);
  const rules = workRules({ threads: () => 2, computeShare: () => 0.25, waitsFor: () => null, wait });
  await rules.turn({ workedMs: 1_000, signal });
  await rules.turn({ workedMs: 0, signal });
  expect(waits).toEqual([3_000]);
});

test('an abort ends the wait with its reason', async () => {
  const stop = new AbortController();
  const rules = workRules({ threads: () => 2, computeShare: () => 1, waitsFor: () => 'it is held' });
  const stopped = rules.turn({ workedMs: 0, signal: stop.signal });
  stop.abort(new Error('stopped'));
  await expect(stopped).rejects.toThrow('stopped');
});
