import { expect, test } from 'vitest';
import { ledgerRow } from '../../../../src/contract/ledger-acts.ts';
import { type Run, runSchema } from '../../../../src/contract/calls.ts';
import { runActs } from '../../../../src/station/runs/run-acts.ts';

const run: Run = runSchema.parse({
  id: 'r1',
  cohort: 'chest',
  network: 'cnn-small',
  startedAt: '',
  state: 'running',
  progress: null,
  losses: [],
  epochs: [],
  outcome: null,
  fault: null,
  hyperParameters: { epochs: 3 },
});

test('a run is entered when it starts, and each time that its state is another', () => {
  const entered: string[] = [];
  const append = (act: string, detail: Parameters<typeof ledgerRow>[0]['detail']) => {
    const { words, told } = ledgerRow({ act, detail });
    entered.push(`${words}: ${told}`);
    return {} as never;
  };
  const acts = runActs({ append });
  acts.started(run);
  for (const state of ['running', 'running', 'paused', 'running', 'done'] as const) acts.changed({ ...run, state });
  expect(entered).toEqual([
    'Training run started: cnn-small on “chest”, 3 epochs. Run r1.',
    'Training run paused: On “chest”, at step 0. Run r1.',
    'Training run resumed: On “chest”, at step 0. Run r1.',
    'Training run finished: On “chest”, at step 0. Run r1.',
  ]);
});

test('a run that cannot be entered does not begin; what happened to one is no reason to end it', () => {
  const acts = runActs({
    append: () => {
      throw new Error('full');
    },
  });
  expect(() => acts.started(run)).toThrow('full');
  expect(() => acts.changed({ ...run, state: 'paused' })).not.toThrow();
});
