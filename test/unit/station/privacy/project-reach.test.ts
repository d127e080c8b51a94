// How far a promise lets a site go in a project, and that its trainings are held to just that.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { projectSchema } from '../../../../src/contract/federation.ts';
import { stepsWithin } from '../../../../src/station/privacy/accountant.ts';
import { openPrivacyLedger, type PrivacyLedger } from '../../../../src/station/privacy/privacy-ledger.ts';
import { projectReach } from '../../../../src/station/privacy/project-reach.ts';
import { resolveNetwork } from '../../../../src/trainer/client.ts';

const images = 800;
const batchSize = 8;
const privacy = { noiseMultiplier: 1, clipNorm: 1, delta: 1e-5, maxEpsilon: 4 };
const stepsPerUpdate = 2 * (images / batchSize);
const project = projectSchema.parse({
  id: 'chest',
  title: 'Chest',
  classes: ['normal', 'nodule'],
  network: resolveNetwork('cnn-small'),
  hyperParameters: { epochs: 2, batchSize, privacy },
  trunkRule: { bufferSize: 2 },
  commits: 100,
  seed: 1,
});
const part = { id: 'project-1', cohort: 'chest', patients: ['a', 'b'], images, aloneEpochs: 0 };

function ledgerHere(): PrivacyLedger {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-reach-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return openPrivacyLedger(folder, () => null);
}

test('the project’s ε is told where it ends first, in whole updates', () => {
  const steps = stepsWithin(4, { sampleRate: batchSize / images, noiseMultiplier: 1 }, 1e-5);
  const reach = projectReach(ledgerHere(), { ...part, project });
  expect(reach?.updates).toBe(Math.floor(steps / stepsPerUpdate));
  expect(reach?.sentence).toContain("the project's ε of 4 is enough for");
  expect(reach?.sentence).toContain('100 commits');
});

test('the site’s budget is told where it ends first, after what other trainings have spent', () => {
  const ledger = ledgerHere();
  ledger.setBudget({ epsilon: 3, delta: 1e-5 });
  const before = projectReach(ledger, { ...part, project });
  expect(before?.sentence).toContain("this site's budget (ε 3");
  const other = {
    id: 'run',
    kind: 'run' as const,
    cohort: 'chest',
    cohortHash: 'x',
    patients: ['b'],
    network: 'cnn-small',
    runFolder: null,
  };
  ledger.reserve({ ...other, sampleRate: batchSize / images, noiseMultiplier: 1, steps: 600 });
  ledger.settle('run', 600);
  expect(projectReach(ledger, { ...part, project })!.updates).toBeLessThan(before!.updates);
});

test('a budget that leaves no whole update is a refusal that says whose it is', () => {
  const ledger = ledgerHere();
  const short = { ...project, hyperParameters: { ...project.hyperParameters, epochs: 50 } };
  expect(() => projectReach(ledger, { ...part, project: short })).toThrow(/project's ε of 4 leaves/);
  ledger.setBudget({ epsilon: 2, delta: 1e-5 });
  expect(() => projectReach(ledger, { ...part, project: short })).toThrow(/site's budget.*privacy budget/);
});

test('a project that is covered to its end says so, and one without a promise says nothing', () => {
  const ledger = ledgerHere();
  expect(projectReach(ledger, { ...part, project: { ...project, commits: 1 } })?.sentence).toContain(
    "all of this site's part",
  );
  const open = { ...project, hyperParameters: { ...project.hyperParameters, privacy: null } };
  expect(projectReach(ledger, { ...part, project: open })).toBeNull();
});
