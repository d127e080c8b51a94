import { expect, it } from 'vitest';
import { openTurns } from '../../../src/contract/in-turn.ts';

it('begins a piece of work when the one before has ended, however it ended', async () => {
  const inTurn = openTurns();
  const begun: string[] = [];
  const first = Promise.withResolvers<void>();
  const failing = inTurn(async () => {
    begun.push('first');
    await first.promise;
    throw new Error('no');
  });
  const following = inTurn(async () => {
    begun.push('second');
    return 2;
  });
  await Promise.resolve();
  expect(begun).toEqual(['first']);
  first.resolve();
  await expect(failing).rejects.toThrow('no');
  expect(await following).toBe(2);
  expect(begun).toEqual(['first', 'second']);
});
