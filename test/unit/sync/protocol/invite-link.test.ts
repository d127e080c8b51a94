import { expect, it } from 'vitest';
import { formatInvite, parseInvite } from '../../../../src/sync/protocol/invite-link.ts';

const invite = {
  version: 1,
  url: 'wss://hub.example.org/imagiq',
  code: 'c'.repeat(32),
  hubFingerprint: 'ab'.repeat(32),
  federation: 'Chest CT',
  expiresAt: '2026-12-01T00:00:00.000Z',
} as const;
const link = formatInvite(invite);
const broken = `${link.slice(0, 70)}\r\n${link.slice(70, 140)}\n  ${link.slice(140)}`;

it.each([
  ['as it is', link],
  ['with a line break in its beginning', `imagiq://jo\nin/${link.slice(14)}`],
  ['broken into lines', broken],
  ['with a mail around it', `Dear colleague,\n\nplease join:\n${link}\n\nBest wishes\nthe coordinator`],
  ['broken into lines, with a mail around it', `Please join:\n${broken}\nBest wishes`],
  ['in brackets', `Join here (<${link}>), before Friday.`],
  ['at the end of a sentence', `The link is ${link}.`],
])('is read %s', (_, text) => {
  expect(parseInvite(text)).toEqual(invite);
});

it.each([
  ['a mail without one', 'Dear colleague, the link comes tomorrow.', 'does not have the form'],
  ['one that is cut off', `Please join: ${link.slice(0, -20)}\nBest wishes`, 'cut off or changed'],
  ['one with a changed character', link.replace(link.slice(40, 44), 'AAAA'), 'cut off or changed'],
  ['nothing behind its beginning', 'imagiq://join/ is how it begins', 'does not have the form'],
])('is not read from %s', (_, text, reason) => {
  expect(() => parseInvite(text)).toThrow(reason);
});
