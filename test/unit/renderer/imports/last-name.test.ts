import { expect, it } from 'vitest';
import { lastName, shortPath } from '../../../../src/renderer/imports/last-name.ts';

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

it('tells files of one name apart by their place below what was imported', () => {
  const roots = ['/data/studies/', 'D:\\discs'];
  expect(shortPath('/data/studies/a/1.dcm', roots)).toBe('studies/a/1.dcm');
  expect(shortPath('/data/studies/b/1.dcm', roots)).toBe('studies/b/1.dcm');
  expect(shortPath('D:\\discs\\x\\1.dcm', roots)).toBe('discs\\x\\1.dcm');
  expect(shortPath('/data/studies', roots)).toBe('studies');
  expect(shortPath('/data/studies-2/1.dcm', roots)).toBe('1.dcm');
  expect(shortPath('SOP Instance 1.2.3', roots)).toBe('SOP Instance 1.2.3');
  expect(shortPath('Series 2 · CT', [])).toBe('Series 2 · CT');
});
