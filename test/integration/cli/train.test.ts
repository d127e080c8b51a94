import path from 'node:path';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import type { Cohort } from '../../../src/contract/cohort.ts';
import type { Metrics } from '../../../src/contract/metrics.ts';
import type { Run } from '../../../src/contract/calls.ts';
import type { Epoch } from '../../../src/contract/training.ts';
import { writePracticeStudies } from '../../../src/station/practice/practice-studies.ts';
import { imagiq, start, temporaryFolder } from './imagiq.ts';

describe('training from the command line', () => {
  test('studies become a cohort, a cohort becomes a tested model', async () => {
    const folder = temporaryFolder();
    const home = path.join(folder, 'home');
    const studies = path.join(folder, 'studies');
    const { labelsFile, patients } = await writePracticeStudies({ site: 0, folder: studies, patients: 16 });
    await imagiq('--home', home, 'import', studies);

    const cohort = (
      await imagiq('--home', home, '--json', 'cohort', 'create', 'chest', '--labels', labelsFile)
    ).json<Cohort>();
    expect(cohort.patients).toBe(patients);
    expect(cohort.split.train.patients + cohort.split.validation.patients + cohort.split.test.patients).toBe(patients);

    const ended = await imagiq(
      '--home',
      home,
      '--json',
      'train',
      '--cohort',
      'chest',
      '--network',
      'cnn-small',
      '--epochs',
      '2',
    );
    expect(ended.code).toBe(0);
    const run = ended.json<{ epochs: Epoch[]; test: Metrics; model: string; seconds: number }>();
    expect(run.epochs).toHaveLength(2);
    expect(run.epochs[1]?.loss).toBeLessThan(run.epochs[0]?.loss ?? 0);
    expect(run.epochs.every(({ validation }) => (validation?.examples ?? 0) > 0)).toBe(true);
    expect(run.test.confusion.flat().reduce((sum, count) => sum + count, 0)).toBe(run.test.examples);
    expect(existsSync(run.model)).toBe(true);

    const seeded = async (): Promise<string> =>
      (await imagiq('--home', home, '--json', 'train', '--cohort', 'chest', '--epochs', '1', '--seed', '5')).json<{
        model: string;
      }>().model;
    // Weights are named by their content: the same name is the same bytes.
    expect(await seeded()).toBe(await seeded());
  }, 120_000);

  test('a network or cohort that is not there is named, with those that are', async () => {
    const folder = temporaryFolder();
    const home = path.join(folder, 'home');
    const studies = path.join(folder, 'studies');
    const { labelsFile } = await writePracticeStudies({ site: 1, folder: studies, patients: 8 });
    await imagiq('--home', home, 'import', studies);
    await imagiq('--home', home, 'cohort', 'create', 'chest', '--labels', labelsFile);
    const network = await imagiq('--home', home, 'train', '--cohort', 'chest', '--network', 'transformer');
    expect(network.code).toBe(1);
    expect(network.stderr).toContain('cnn-small');
    const cohort = await imagiq('--home', home, 'train', '--cohort', 'none');
    expect(cohort.code).toBe(1);
    expect(cohort.stderr).toContain('none');
  }, 60_000);

  test('a provider that is not there is refused before there is a run, with those that are', async () => {
    const folder = temporaryFolder();
    const home = path.join(folder, 'home');
    const studies = path.join(folder, 'studies');
    const { labelsFile } = await writePracticeStudies({ site: 1, folder: studies, patients: 8 });
    await imagiq('--home', home, 'import', studies);
    await imagiq('--home', home, 'cohort', 'create', 'chest', '--labels', labelsFile);
    const missing = process.platform === 'win32' ? 'cuda' : 'dml';
    const refused = await imagiq('--home', home, 'train', '--cohort', 'chest', '--provider', missing);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(missing);
    expect(refused.stderr).toContain('“cpu”');
    expect((await imagiq('--home', home, '--json', 'runs', 'list')).json<{ runs: Run[] }>().runs).toEqual([]);
  }, 60_000);

  test('a training that is killed is found paused, and resumed it makes the model of an unbroken one', async () => {
    const folder = temporaryFolder();
    const home = path.join(folder, 'home');
    const studies = path.join(folder, 'studies');
    const { labelsFile } = await writePracticeStudies({ site: 2, folder: studies, patients: 12 });
    await imagiq('--home', home, 'import', studies);
    await imagiq('--home', home, 'cohort', 'create', 'chest', '--labels', labelsFile);
    const settings = '--optimiser sgd --schedule step --step-epochs 15 --warmup-steps 5 --patience 30';
    const words = `--json train --cohort chest --seed 3 --epochs 40 --threads 1 ${settings}`.split(' ');
    const unbroken = (await imagiq('--home', home, ...words)).json<{ model: string; state: string }>();
    expect(unbroken.state).toBe('done');

    const known = new Set(readdirSync(path.join(home, 'runs')));
    const killed = start('--home', home, ...words);
    await vi.waitFor(
      () => {
        const [id = ''] = readdirSync(path.join(home, 'runs')).filter((name) => !known.has(name));
        expect(/"epoch":[1-9]/.test(readFileSync(path.join(home, 'runs', id, 'run.json'), 'utf8'))).toBe(true);
      },
      { timeout: 60_000, interval: 50 },
    );
    killed.process.kill('SIGKILL');
    await killed.ended;

    const { runs } = (await imagiq('--home', home, '--json', 'runs', 'list')).json<{ runs: Run[] }>();
    expect(runs.map(({ state }) => state)).toEqual(['paused', 'done']);
    expect(runs[0]!.hyperParameters).toMatchObject({ optimiser: 'sgd', schedule: 'step', patience: 30 });
    const resumed = await imagiq('--home', home, '--json', 'runs', 'resume', runs[0]!.id);
    // Weights are named by their content: the same name is the same bytes.
    expect(resumed.json<{ model: string; state: string }>()).toMatchObject({ model: unbroken.model, state: 'done' });
  }, 300_000);

  test('a training that is asked to terminate pauses with a checkpoint; a run tells again what it told', async () => {
    const folder = temporaryFolder();
    const home = path.join(folder, 'home');
    const studies = path.join(folder, 'studies');
    const { labelsFile } = await writePracticeStudies({ site: 1, folder: studies, patients: 10 });
    await imagiq('--home', home, 'import', studies);
    await imagiq('--home', home, 'cohort', 'create', 'chest', '--labels', labelsFile);
    const asked = start(
      '--home',
      home,
      ...'--json train --cohort chest --epochs 400 --note asked --threads 1'.split(' '),
    );
    const stored = (): string => {
      const [id = ''] = readdirSync(path.join(home, 'runs'));
      return readFileSync(path.join(home, 'runs', id, 'run.json'), 'utf8');
    };
    await vi.waitFor(() => expect(stored()).toMatch(/"epoch":[2-9]/), { timeout: 60_000, interval: 50 });
    asked.process.kill('SIGTERM');
    const ended = await asked.ended;
    const run = ended.json<{ id: string; state: string }>();
    expect(run.state).toBe('paused');
    const shown = await imagiq('--home', home, 'runs', 'show', run.id);
    expect(shown.stdout).toMatch(/: asked\n[^]*epoch 1: loss/);
    expect(shown.stdout).toContain(`imagiq runs resume ${run.id}`);
    await imagiq('--home', home, 'runs', 'stop', run.id);
    expect((await imagiq('--home', home, 'models', 'list')).stdout).toContain('asked');
    const unknown = await imagiq('--home', home, 'runs', 'show', 'no-such');
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toContain('no-such');
  }, 120_000);

  test('a hyper-parameter beyond its limits is refused before anything is opened', async () => {
    const ended = await imagiq('--home', temporaryFolder(), 'train', '--cohort', 'x', '--label-smoothing', '0.9');
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain('--label-smoothing');
  });
});
