import { readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { CallOutput, Run } from '../../../src/contract/calls.ts';
import type { PrivacyMeter } from '../../../src/contract/training.ts';
import { writePracticeStudies } from '../../../src/station/practice/practice-studies.ts';
import { imagiq, temporaryFolder } from './imagiq.ts';

test('a training with a privacy promise is charged to its cohort, and refused once the site’s budget is spent', async () => {
  const folder = temporaryFolder();
  const home = ['--home', path.join(folder, 'home')];
  const studies = path.join(folder, 'studies');
  const { labelsFile } = await writePracticeStudies({ site: 0, folder: studies, patients: 16 });
  await imagiq(...home, 'import', studies);
  await imagiq(...home, 'cohort', 'create', 'chest', '--labels', labelsFile);
  await imagiq(...home, 'privacy', 'budget', '--epsilon', '5', '--delta', '0.001');

  // What the site's budget would cut short is refused before it has spent anything.
  const beyond = ['--epochs', '1', '--target-epsilon', '6', '--delta', '0.001'];
  const cut = await imagiq(...home, 'train', '--cohort', 'chest', ...beyond);
  expect([cut.code, cut.stderr]).toEqual([1, expect.stringMatching(/the site's budget \(ε = 5 at δ = 0\.001/)]);
  expect((await imagiq(...home, '--json', 'runs', 'list')).json<{ runs: Run[] }>().runs).toEqual([]);

  const train = ['train', '--cohort', 'chest', '--epochs', '1', '--target-epsilon', '4.9', '--delta', '0.001'];
  const ended = await imagiq(...home, '--json', ...train);
  expect(ended.stderr).not.toContain('error');
  const run = ended.json<{ state: string; privacy: PrivacyMeter }>();
  expect(run.state).toBe('done');
  expect(run.privacy.epsilon).toBeGreaterThan(3);
  expect(run.privacy.epsilon).toBeLessThanOrEqual(4.9);

  const report = (await imagiq(...home, '--json', 'privacy', 'show')).json<CallOutput<'privacy-report'>>();
  expect(report.budget).toEqual({ epsilon: 5, delta: 0.001 });
  expect(report.cohorts[0]).toMatchObject({ cohort: 'chest', costs: [{ kind: 'run', isOpen: false }] });
  expect(report.cohorts[0]?.mostImages).toBeGreaterThan(1);
  const shown = (await imagiq(...home, 'privacy', 'show')).stdout;
  expect(shown).toContain('for any one image; a patient with k images has about k times that');
  expect(shown).toContain(`a patient has up to ${report.cohorts[0]?.mostImages} images`);
  // Both say the same of the same steps; the twin of the default network is what was trained.
  expect(report.cohorts[0]?.epsilon).toBeCloseTo(run.privacy.epsilon, 6);
  expect(report.cohorts[0]?.costs[0]?.network).toMatch(/^cnn-small/);

  // The budget without a new one is told; a cohort beyond a smaller one is marked.
  const told = await imagiq(...home, '--json', 'privacy', 'budget');
  expect(told.json()).toEqual({ epsilon: 5, delta: 0.001 });
  const half = await imagiq(...home, 'privacy', 'budget', '--epsilon', '2');
  expect([half.code, half.stderr]).toEqual([2, expect.stringContaining('--epsilon and --delta')]);
  expect(shown).not.toContain('over the budget');
  await imagiq(...home, 'privacy', 'budget', '--epsilon', '2', '--delta', '0.001');
  expect((await imagiq(...home, 'privacy', 'show')).stdout).toContain('over the budget');
  await imagiq(...home, 'privacy', 'budget', '--epsilon', '5', '--delta', '0.001');

  const refused = await imagiq(...home, ...train);
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toMatch(/budget of “chest” leaves no step .* has cost ε = [34]\./);

  // A δ that allows to give an image away is refused as that, not as a budget that is spent.
  const careless = await imagiq(...home, 'train', '--cohort', 'chest', '--target-epsilon', '4', '--delta', '0.5');
  expect(careless.code).toBe(1);
  expect(careless.stderr).toContain('δ = 0.5 means nothing');

  const pictures = path.join(folder, 'pictures');
  const probe3s = ['leak-probe', '--cohort', 'chest', '--seconds', '3', '--pictures', pictures];
  const probed = await imagiq(...home, '--json', ...probe3s);
  const probe = probed.json<CallOutput<'leak-probe'>>();
  expect(probe.sentence).toMatch(/recognised from the gradient of one image/);
  expect(Buffer.from(probe.pairs[0]!.guess, 'base64')).toHaveLength(probe.height * probe.width);
  expect(readdirSync(pictures)).toEqual(['01-guess.pgm', '01-truth.pgm']);
  expect(statSync(path.join(pictures, '01-truth.pgm')).size).toBeGreaterThan(probe.height * probe.width);

  const dense = { op: 'dense', id: 'logits', input: 'input', units: 'classes' };
  const own = { name: 'own-dense', description: '', input: { height: 16, width: 16, channels: 1 }, layers: [dense] };
  const file = path.join(folder, 'own.json');
  writeFileSync(file, JSON.stringify({ ...own, output: 'logits' }));
  const ofOwn = await imagiq(...home, '--json', 'leak-probe', '--cohort', 'chest', '--seconds', '3', '--network', file);
  expect(ofOwn.json<CallOutput<'leak-probe'>>()).toMatchObject({ network: 'own-dense', height: 16 });
}, 240_000);
