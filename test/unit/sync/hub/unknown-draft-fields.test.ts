import { expect, test } from 'vitest';
import { unknownDraftFields } from '../../../../src/sync/hub/unknown-draft-fields.ts';

const project = {
  title: 'Chest',
  network: { name: 'cnn', layers: [] },
  trunkRule: { bufferSize: 2, staleness: { kind: 'constant' }, combination: { kind: 'mean', of: 'sites' } },
  classes: ['a', 'b'],
};
const unknown = (draft: unknown): string[] => unknownDraftFields(draft, project).map(({ field }) => field);

test('a draft’s fields that no project has are named, however deep they lie', () => {
  expect(
    unknown({ titel: 'Chest', trunkRule: { maxUpdateNrm: 5, combination: { kind: 'mean', byzantine: 1 } } }),
  ).toEqual(['titel', 'trunkRule.maxUpdateNrm', 'trunkRule.combination.byzantine']);
  expect(unknownDraftFields({ trunkRule: { staleness: { exponent: 1 } } }, project)[0]?.message).toContain('is kind');
});

test('those that are read in another way are not', () => {
  expect(unknown({ ...project, network: 'cnn', task: 'classification', trunkRule: { stalenessExponent: 1 } })).toEqual(
    [],
  );
});
