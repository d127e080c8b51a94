import { expect, test } from 'vitest';
import { epochsText } from '../../../src/contract/epochs-text.ts';
import { hyperParametersSchema } from '../../../src/contract/training.ts';

const hyperParameters = hyperParametersSchema.parse({ epochs: 50 });

test('a model says how long it was trained, not how long it was to be', () => {
  const model = { hyperParameters, federation: null };
  const stopped = { epochs: 2, steps: 34, bestEpoch: 2, ending: 'stopped' } as const;
  expect(epochsText({ ...model, training: stopped })).toBe(
    '2 of 50 epochs (34 steps), stopped early, the weights of epoch 2',
  );
  const whole = { epochs: 50, steps: 800, bestEpoch: null, ending: 'all-epochs' } as const;
  expect(epochsText({ ...model, training: whole })).toBe('50 epochs (800 steps)');
});

test('a model of before this was kept says what was planned, and one of a federation its epochs between two updates', () => {
  expect(epochsText({ hyperParameters, training: null, federation: null })).toBe('50 epochs planned');
  const federation = { federation: 'f', project: 'p', site: 'trunk', version: 3 };
  expect(epochsText({ hyperParameters, training: null, federation })).toBe('50 epochs between two updates');
  expect(epochsText({ hyperParameters: null, training: null, federation: null })).toBe('');
});
