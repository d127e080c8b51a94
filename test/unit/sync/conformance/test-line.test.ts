import { expect, test } from 'vitest';
import { isRefusal } from '../../../../src/sync/conformance/test-line.ts';
import { wireFault } from '../../../../src/sync/protocol/faults.ts';
import { HubRefusal } from '../../../../src/sync/protocol/handshake.ts';

test('a hub refuses by its own fault or by closing, and not by saying nothing or nonsense', () => {
  expect(isRefusal(new HubRefusal({ code: 505, message: 'No.', retry: 'never' }))).toBe(true);
  expect(isRefusal(wireFault.closed('code 4001'))).toBe(true);
  expect(isRefusal(wireFault.silent())).toBe(false);
  expect(isRefusal(wireFault.malformedMessage('no outcome'))).toBe(false);
  expect(isRefusal(new Error('a bug'))).toBe(false);
});
