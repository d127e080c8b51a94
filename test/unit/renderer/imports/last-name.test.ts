import { expect, it } from 'vitest';
import { lastName } from '../../../../src/renderer/imports/last-name.ts';

it('is the last name of a path of either kind of system', () => {
  expect(lastName('/data/studies/ct')).toBe('ct');
  expect(lastName('/data/studies/')).toBe('studies');
  expect(lastName('D:\\studies\\ct.zip')).toBe('ct.zip');
  expect(lastName('\\\\server\\share\\mr')).toBe('mr');
  expect(lastName('/')).toBe('/');
});

it('leaves a sender whole, whose AE title or name may hold a slash', () => {
  expect(lastName('Sent by CT/EAST')).toBe('Sent by CT/EAST');
  expect(lastName('Retrieved from Archive\\East')).toBe('Retrieved from Archive\\East');
});
