// Events that a hub cannot take: given again for ever, but not every second.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { FaultValue } from '../../../../src/contract/fault.ts';
import { followEvents } from '../../../../src/sync/hub/event-log.ts';
import type { HubDatabase } from '../../../../src/sync/hub/hub-database.ts';
import { takenEvents } from '../../../../src/sync/hub/taken-events.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('an event that cannot be taken is given again after longer and longer pauses, and soon again once one was taken', async () => {
  const events = [{ seq: 1, kind: 'member-changed', subject: 'oslo', detail: null, process: 'another' }];
  let change = (): void => {};
  const db = {
    process: 'own',
    get: async () => ({ last: 0 }),
    all: async (_: string, last: number) => events.filter(({ seq }) => seq > last),
    watch: (look: () => void) => {
      change = look;
      return () => {};
    },
  } as unknown as HubDatabase;
  let isAway = true;
  let tries = 0;
  let failures = 0;
  const take = async (): Promise<void> => {
    tries += 1;
    if (isAway) throw new Error('the disk is away');
  };
  const end = await followEvents(db, take, () => void (failures += 1));
  change();
  await vi.advanceTimersByTimeAsync(600_000);
  expect([tries, failures]).toEqual([15, 15]);
  isAway = false;
  await vi.advanceTimersByTimeAsync(60_000);
  expect([tries, failures]).toEqual([16, 15]);

  isAway = true;
  events.push({ ...events[0]!, seq: 2 });
  change();
  await vi.advanceTimersByTimeAsync(1_500);
  expect(tries).toBe(18);
  await end();
});

it('a log that could not be read is read again soon, however often it could not before', async () => {
  let change = (): void => {};
  let isAway = true;
  let reads = 0;
  const db = {
    get: async () => ({ last: 0 }),
    all: async () => {
      reads += 1;
      if (isAway) throw new Error('the database is away');
      return [];
    },
    watch: (look: () => void) => {
      change = look;
      return () => {};
    },
  } as unknown as HubDatabase;
  const end = await followEvents(
    db,
    async () => {},
    () => {},
  );
  change();
  await vi.advanceTimersByTimeAsync(30_000);
  isAway = false;
  await vi.advanceTimersByTimeAsync(60_000);
  isAway = true;
  reads = 0;
  change();
  await vi.advanceTimersByTimeAsync(1_500);
  expect(reads).toBe(2);
  await end();
});

it('the end of a masked buffer whose reason cannot be read, as of another version, is an end all the same', async () => {
  const ends: [string, FaultValue | null][] = [];
  const masked = { ended: async (name: string, fault: FaultValue | null) => void ends.push([name, fault]) };
  const take = takenEvents({ isShared: true, masked } as unknown as Parameters<typeof takenEvents>[0]);
  for (const detail of ['{"code":', '{"code":"588"}', null])
    await take({ kind: 'masked-buffer-ended', subject: 'a', detail, isOwn: false });
  expect(ends).toEqual([
    ['a', expect.objectContaining({ code: 580 })],
    ['a', expect.objectContaining({ code: 580 })],
    ['a', null],
  ]);
});
