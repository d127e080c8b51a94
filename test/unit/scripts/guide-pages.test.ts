import { expect, test } from 'vitest';
import { guidePage } from '../../../scripts/guide-pages.ts';

test('a page has its title, its sections, and the anchors that other pages link to', () => {
  const page = guidePage('# Running a hub\n\nText with `code` & more.\n\n## The trunk’s rules\n\n### Deep\n');
  expect(page.title).toBe('Running a hub');
  expect(page.sections).toEqual([{ id: 'the-trunks-rules', title: 'The trunk’s rules' }]);
  expect(page.html).toContain('<h2 id="the-trunks-rules">The trunk’s rules</h2>');
  expect(page.html).toContain('<code>code</code> &amp; more');
});

test('a table without words in its head has none', () => {
  const { html } = guidePage('| | |\n|---|---|\n| wheel | next image |\n');
  expect(html).not.toContain('<thead>');
  expect(html).toContain('<td>wheel</td>');
});
