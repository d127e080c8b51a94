import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { openMemberNews } from '../../../../src/sync/hub/member-news.ts';
import type { FromHub } from '../../../../src/sync/protocol/messages.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Of a hub with so many connected sites, whose members are all gone. */
function newsFor(sites: number) {
  const told: FromHub[] = [];
  const news = openMemberNews({
    members: { list: async () => [], one: async () => null },
    addresses: { shown: async () => [] },
    online: async () => new Set(),
    listeners: () => sites,
    broadcast: (message) => told.push(message),
    onFailed: (thrown) => expect.unreachable(String(thrown)),
  });
  return { news, told };
}

it('a few sites hear of changes within a tenth of a second, those of one moment together', async () => {
  const { news, told } = newsFor(3);
  news.changed('lyon');
  news.changed('oslo');
  await vi.advanceTimersByTimeAsync(100);
  expect(told).toEqual([{ kind: 'members-updated', changed: [], gone: ['lyon', 'oslo'] }]);
});

it('a thousand sites hear of changes so seldom that a hundred messages a second go to all of them together', async () => {
  const { news, told } = newsFor(1_000);
  for (let second = 0; second < 30; second += 1) {
    news.changed(`site ${second}`);
    await vi.advanceTimersByTimeAsync(1_000);
  }
  expect(told.length).toBeGreaterThan(1);
  expect(told.length * 1_000).toBeLessThanOrEqual(30 * 100);
});

it('after its close it tells nothing more', async () => {
  const { news, told } = newsFor(3);
  news.close();
  news.changed('oslo');
  await vi.advanceTimersByTimeAsync(1_000);
  expect(told).toEqual([]);
});
