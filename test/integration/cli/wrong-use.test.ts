// What the command line refuses before anything is opened or trained, and how it says so.
import path from 'node:path';
import { expect, test } from 'vitest';
import { imagiq, temporaryFolder } from './imagiq.ts';

const home = () => ['--home', path.join(temporaryFolder(), 'home')];

test('noise without the ε that it is to keep is refused: nothing would be trained privately', async () => {
  const train = ['train', '--cohort', 'chest'];
  for (const flags of [
    ['--noise-multiplier', '1.5'],
    ['--example-clip-norm', '1'],
    ['--delta', '1e-5'],
  ]) {
    const refused = await imagiq(...home(), ...train, ...flags);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(`${flags[0]} belongs to --target-epsilon`);
  }
}, 60_000);

test('numbers out of range, and predictions of nothing, are wrong use in plain words', async () => {
  const rate = await imagiq(...home(), 'train', '--cohort', 'chest', '--learning-rate', '11');
  expect([rate.code, rate.stderr]).toEqual([2, expect.stringContaining('must be at most 10.')]);
  const epochs = await imagiq(...home(), 'train', '--cohort', 'chest', '--epochs', '1.5');
  expect([epochs.code, epochs.stderr]).toEqual([2, expect.stringContaining('must be a whole number.')]);
  const nothing = await imagiq(...home(), 'predict', '--model', '0123');
  expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining('--studies, --series or --cohort')]);
  const epsilon = await imagiq('epsilon', '--q', '4', '--sigma', '1', '--steps', '1', '--delta', '1e-5');
  expect([epsilon.code, epsilon.stderr]).toEqual([2, expect.stringContaining('at most 1.')]);
}, 60_000);

test('a model that is not there is refused by the name that was typed', async () => {
  const refused = await imagiq(...home(), '--json', 'models', 'show', '5zzz');
  expect(refused.code).toBe(1);
  expect(refused.json<{ fault: { message: string } }>().fault.message).toContain('There is no model “5zzz”');
}, 60_000);
