import { expect, it } from 'vitest';
import { Fault } from '../../../../src/contract/fault.ts';
import { wireFault } from '../../../../src/sync/protocol/faults.ts';
import type { MembershipDesk } from '../../../../src/sync/site/membership-desk.ts';
import { openWorkRetries } from '../../../../src/sync/site/work-retries.ts';

function retriesOf(isOnline: boolean) {
  const entered: string[] = [];
  const desk = { channel: () => (isOnline ? {} : null), ledger: (act: string) => entered.push(act) };
  return { entered, retries: openWorkRetries(desk as unknown as MembershipDesk, () => 1) };
}
const noMemory = new Fault({ code: 359, message: 'The trainer ran out of memory.', retry: 'later' });

it('rests longer after each failure, five minutes at most, and says why, how often and when', () => {
  const { entered, retries } = retriesOf(true);
  expect(retries.failed(noMemory)).toBe(2_000);
  expect(retries.reason).toBe(
    'The work for the federation failed: The trainer ran out of memory. It is tried again within 2 s.',
  );
  expect(retries.failed(noMemory)).toBe(4_000);
  expect(retries.reason).toBe(
    'The work for the federation failed 2 times in a row: The trainer ran out of memory. It is tried again within 4 s.',
  );
  for (let more = 0; more < 10; more += 1) retries.failed(noMemory);
  expect(retries.failed(noMemory)).toBe(300_000);
  expect(entered).toHaveLength(13);
  retries.worked();
  expect(retries.reason).toBeNull();
  expect(retries.failed(noMemory)).toBe(2_000);
});

it('says also without a hub why training failed, and nothing of a line that ended', () => {
  const { entered, retries } = retriesOf(false);
  retries.failed(wireFault.closed('code 1006'));
  expect(retries.reason).toBeNull();
  expect(entered).toEqual([]);
  retries.failed(noMemory);
  expect(retries.reason).toContain('The trainer ran out of memory.');
});

it('says nothing more of work that failed before the line ended', () => {
  const { retries } = retriesOf(false);
  retries.failed(noMemory);
  retries.failed(wireFault.closed('code 1006'));
  expect(retries.reason).toBeNull();
});
