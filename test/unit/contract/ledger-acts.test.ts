import { expect, test } from 'vitest';
import { ledgerRow } from '../../../src/contract/ledger-acts.ts';

test('an entry is told in words, with hashes cut, empty values left out, and bytes and partner apart', () => {
  const detail = { federation: 'chest', bytes: 12, projectHash: 'a'.repeat(64), site: null, baseVersion: 3 };
  expect(ledgerRow({ act: 'update-sent', detail })).toEqual({
    words: 'Update sent',
    direction: 'left',
    whom: 'chest',
    bytes: 12,
    told: 'project hash aaaaaaaaaaaa · base version 3',
  });
});

test('what a value means is said, not its name in the program', () => {
  const probe = { cohort: 'chest', network: 'cnn-small', batch: 1, isRecognised: false };
  expect(ledgerRow({ act: 'leak-probe', detail: probe }).told).toBe(
    'An attack on an update of cnn-small from “chest” recognised no image.',
  );
  expect(ledgerRow({ act: 'new-act', detail: { isFinished: false } }).told).toBe('not finished');
});

test('what left the hospital is told apart, also for acts that this version does not know', () => {
  expect(ledgerRow({ act: 'something-shared', detail: {} }).direction).toBe('left');
  expect(ledgerRow({ act: 'import', detail: {} }).direction).toBe('here');
  expect(ledgerRow({ act: 'new-act', detail: {} }).words).toBe('new-act');
});

test('a name that another site chose cannot become a column of its own or hide the reason', () => {
  const row = ledgerRow({ act: 'site-revoked', detail: { site: 'Oslo', device: 'f'.repeat(64), reason: 'key lost' } });
  expect(row).toMatchObject({ whom: 'Oslo', told: 'key lost' });
});

test('one of a thing is told in the singular', () => {
  const removed = { studies: 1, series: 1, instances: 1, copies: 2 };
  expect(ledgerRow({ act: 'studies-removed', detail: removed }).told).toBe(
    '1 study (1 series, 1 instance); 2 copies deleted.',
  );
});
