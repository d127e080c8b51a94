import { expect, test } from 'vitest';
import { actOf, detailText } from '../../../src/renderer/ledger/acts.ts';

const inBytes = (bytes: number): string => `${bytes} B`;

test('an entry is told in words, with hashes cut and empty values left out', () => {
  const detail = { federation: 'chest', bytes: 12, projectHash: 'a'.repeat(64), site: null, seconds: 1.25 };
  expect(detailText(detail, inBytes)).toBe('federation chest · 12 B · project hash aaaaaaaaaaaa · 1.3 s');
});

test('what left the hospital is told apart, also for acts that this version does not know', () => {
  expect(actOf('update-sent').direction).toBe('left');
  expect(actOf('something-shared').direction).toBe('left');
  expect(actOf('import')).toEqual({ words: 'Studies imported', direction: 'here' });
  expect(actOf('new-act').words).toBe('new-act');
});
