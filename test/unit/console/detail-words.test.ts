import { expect, test } from 'vitest';
import { detailWords, problemSentence } from '../../../src/console/detail-words.ts';
import { when } from '../../../src/renderer/ui/format.ts';

test('a moment in a detail is told in the person’s own time, as everywhere', () => {
  const expiresAt = '2026-11-29T11:51:25.005Z';
  expect(detailWords({ federation: 'Chest', invite: 'ab'.repeat(32), role: 'site', expiresAt })).toBe(
    `role site · expires at ${when(expiresAt)}`,
  );
});

test('what only begins like a moment stays as it is', () => {
  expect(detailWords({ model: '2026-11-29T11:51 of Lyon' })).toBe('model 2026-11-29T11:51 of Lyon');
});

test('a checkpoint shows neither key nor signature, and a problem is a sentence', () => {
  expect(detailWords({ key: 'LN4d9Xc-SIoa1LLWGSr8cJQv06JdB3RfDJ8dd_qvXzo', signature: 'ab' })).toBe('');
  expect(problemSentence('the disk has only 3 MB free')).toBe('The disk has only 3 MB free.');
});
