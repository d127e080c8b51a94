// A project's file as the console's page shows it before the hub has taken it.
import { expect, test } from 'vitest';
import { valueAt } from '../../../src/console/propose/draft-path.ts';
import { draftOfFile, newDraft } from '../../../src/console/propose/new-draft.ts';

const fileWith = (trunkRule: unknown): string => JSON.stringify({ id: 'nodules', trunkRule });

test('what a rule does not say is shown as the hub takes it, not as a new project has it', () => {
  const draft = draftOfFile(fileWith({ bufferSize: 2, combination: { kind: 'mean' } }));
  expect(valueAt(draft, 'trunkRule.combination')).toEqual({ kind: 'mean', of: 'updates' });
  expect(valueAt(newDraft(), 'trunkRule.combination.of')).toBe('sites');
  expect(valueAt(draft, 'trunkRule.stalenessEffect')).toBe('share');
  expect(valueAt(newDraft(), 'trunkRule.stalenessEffect')).toBe('step');
  expect(valueAt(newDraft(), 'trunkRule.staleness')).toEqual({ kind: 'polynomial', exponent: 1 });
  expect(draft['id']).toBe('nodules');
});

test('a rule that is none stays as it is written, and a file without one begins with a new project’s', () => {
  const written = { bufferSize: 'two', combination: { kind: 'mean' } };
  expect(draftOfFile(fileWith(written))['trunkRule']).toEqual(written);
  expect(draftOfFile('{}')).toEqual(newDraft());
  expect(() => draftOfFile('[]')).toThrow('expected record');
});
