import { expect, test } from 'vitest';
import { namePattern, studyDateOf } from '../../../src/renderer/pacs/study-dates.ts';

const now = new Date(2026, 2, 3, 23, 30);

test.each([
  ['any', '', '', ''],
  ['today', '', '', '20260303'],
  ['week', '', '', '20260225-20260303'],
  ['month', '', '', '20260202-20260303'],
  ['range', '2025-01-02', '2025-02-03', '20250102-20250203'],
  ['range', '2025-01-02', '', '20250102-'],
  ['range', '', '2025-01-02', '-20250102'],
  ['range', '2025-01-02', '2025-01-02', '20250102'],
  ['range', '', '', ''],
] as const)('the choice %s from “%s” to “%s” asks for “%s”', (choice, from, to, asked) => {
  expect(studyDateOf(choice, { from, to, now })).toBe(asked);
});

test('a name is asked for by its beginning unless it has a wildcard', () => {
  expect(['', ' Du ', 'D?pont', '*pont'].map(namePattern)).toEqual(['', 'Du*', 'D?pont', '*pont']);
});
