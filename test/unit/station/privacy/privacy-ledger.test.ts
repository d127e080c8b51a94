import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type PlannedTraining, openPrivacyLedger } from '../../../../src/station/privacy/privacy-ledger.ts';
import { composedLoss, stepsWithin } from '../../../../src/trainer/client.ts';

const budget = { epsilon: 3, delta: 1e-5 };
const noise = { sampleRate: 0.05, noiseMultiplier: 1.2 };
const most = stepsWithin(budget.epsilon, noise, budget.delta);

function homeFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-privacy-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const opened = (folder: string, countOf: (runFolder: string) => number | null = () => null) => {
  const ledger = openPrivacyLedger(folder, countOf);
  ledger.setBudget(budget);
  return ledger;
};

const training = (changed: Partial<PlannedTraining>): PlannedTraining => ({
  id: 'run-1',
  kind: 'run',
  cohort: 'chest',
  cohortHash: 'a',
  patients: ['p1', 'p2'],
  network: 'cnn-small',
  ...noise,
  steps: 100,
  runFolder: '/runs/1',
  ...changed,
});

test('charges what a training may do before it starts, and what it did when it has ended', () => {
  const ledger = opened(homeFolder());
  expect(ledger.reserve(training({}))).toBe(100);
  const promised = ledger.spent(['p1']);
  expect(promised.costs).toMatchObject([{ id: 'run-1', steps: 100, isOpen: true }]);
  ledger.settle('run-1', 40);
  const { epsilon, costs } = ledger.spent(['p1']);
  expect(costs).toMatchObject([{ steps: 40, isOpen: false }]);
  expect(epsilon).toBeLessThan(promised.epsilon);
  expect(epsilon).toBeCloseTo(composedLoss([{ ...noise, steps: 40 }], budget.delta).epsilon, 9);
  expect(ledger.spent(['someone else']).epsilon).toBe(0);
});

test('adds up over cohorts that share a patient, and over no others', () => {
  const ledger = opened(homeFolder());
  ledger.reserve(training({}));
  ledger.settle('run-1', 100);
  ledger.reserve(training({ id: 'run-2', cohort: 'lung', cohortHash: 'b', patients: ['p2', 'p3'] }));
  ledger.settle('run-2', 100);
  const once = composedLoss([{ ...noise, steps: 100 }], budget.delta).epsilon;
  const twice = composedLoss([{ ...noise, steps: 200 }], budget.delta).epsilon;
  expect(ledger.spent(['p1']).epsilon).toBeCloseTo(once, 9);
  expect(ledger.spent(['p3']).epsilon).toBeCloseTo(once, 9);
  expect(ledger.spent(['p1', 'p2', 'p3']).epsilon).toBeCloseTo(twice, 9);
});

test('grants no step beyond the budget of any patient, and refuses where it is spent', () => {
  const ledger = opened(homeFolder());
  expect(ledger.reserve(training({ steps: 10 * most }))).toBe(most);
  ledger.settle('run-1', most);
  expect(ledger.spent(['p1']).epsilon).toBeLessThanOrEqual(budget.epsilon);
  const other = training({ id: 'run-2', cohort: 'lung', cohortHash: 'b', patients: ['p9', 'p2'] });
  expect(() => ledger.reserve(other)).toThrow(/budget of “lung” leaves no step .* has cost ε = [\d.]+, and at most/);
  expect(ledger.reserve({ ...other, patients: ['p9'] })).toBe(100);
});

test('a training whose first step costs more than all that may be spent is told that its noise is too little', () => {
  const ledger = opened(homeFolder());
  const loud = training({ sampleRate: 1, noiseMultiplier: 0.1 });
  expect(() => ledger.stepsLeft(loud)).toThrow(/Not one step .* of which nothing is spent: it has too little noise/);
});

test('one id takes up where it was: a resumed run, and the rounds of a project', () => {
  const ledger = opened(homeFolder());
  ledger.reserve(training({}));
  ledger.settle('run-1', 30);
  expect(ledger.reserve(training({ steps: 10 * most }))).toBe(most - 30);
  ledger.settle('run-1', 20);
  expect(ledger.settledSteps('run-1')).toBe(50);
  expect(ledger.spent(['p1']).costs).toHaveLength(1);
});

test('what a crash left open is settled by the trainer’s count, or stays charged in full where there is none', () => {
  const folder = homeFolder();
  const before = opened(folder);
  before.reserve(training({}));
  before.reserve(training({ id: 'project', kind: 'project', cohortHash: 'b', patients: ['p8'], runFolder: null }));
  const after = opened(folder, () => 60);
  expect(after.settledSteps('run-1')).toBe(60);
  expect(after.settledSteps('project')).toBe(100);
});

test('a ledger that cannot be read is refused instead of being begun anew', () => {
  const folder = homeFolder();
  opened(folder);
  writeFileSync(path.join(folder, 'privacy-ledger.json'), '{"version":1,"entr');
  expect(() => opened(folder)).toThrow(/privacy ledger/);
});
