import { expect, test } from 'vitest';
import { timeBefore } from '../../../../src/renderer/viewer/priors.svelte.ts';

test('the time before a study is told in days, months or years', () => {
  expect(timeBefore('20240101', '20240102')).toBe('1 day before');
  expect(timeBefore('20231215', '20240102')).toBe('18 days before');
  expect(timeBefore('20230702', '20240102')).toBe('6 months before');
  expect(timeBefore('20211224', '20240102')).toBe('2 years before');
  expect(timeBefore('nothing', '20240102')).toBe('');
});
