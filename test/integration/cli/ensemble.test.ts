// The ensemble that a site chose on the bench, used as one model on its own images.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { CallOutput } from '../../../src/contract/calls.ts';
import type { Estimate } from '../../../src/contract/metrics.ts';
import type { Model } from '../../../src/contract/model.ts';
import { softVote } from '../../../src/contract/soft-vote.ts';
import { writePracticeStudies } from '../../../src/station/practice/practice-studies.ts';
import { type Ended, imagiq, start, temporaryFolder } from './imagiq.ts';

const classes = ['effusion', 'nodule', 'normal', 'pneumothorax'];

test('a chosen ensemble is kept as one model, does on a cohort what the bench says, and writes what it said', async () => {
  const folder = temporaryFolder();
  const data = path.join(folder, 'hub');
  const project = ['--network', 'cnn-small', '--classes', classes.join(','), '--commits', '1', '--buffer', '2'];
  const hub = start('--json', 'hub', '--data', data, '--port', '0', '--federation', 'Chest', ...project);
  await hub.firstLine;
  const at =
    (site: string) =>
    (...words: string[]): Promise<Ended> =>
      imagiq('--home', path.join(folder, site), '--json', ...words);
  const lyon = at('lyon');
  const fault = async (...words: string[]): Promise<{ code: number; message: string }> =>
    (await lyon(...words)).json<{ fault: { code: number; message: string } }>().fault;
  const sites = ['lyon', 'oslo'].map(async (site, number) => {
    const studies = path.join(folder, `${site}-studies`);
    const { labelsFile } = await writePracticeStudies({
      site: number,
      folder: studies,
      patients: number === 0 ? 24 : 12,
    });
    await at(site)('import', studies);
    await at(site)('cohort', 'create', 'chest', '--labels', labelsFile);
    const { invite } = (await imagiq('--json', 'invite', '--data', data)).json<{ invite: string }>();
    await at(site)('join', invite, '--site', site, '--cohort', 'chest', '--wait');
  });
  await Promise.all(sites);
  expect(await fault('predict', '--model', 'ensemble', '--cohort', 'chest')).toMatchObject({ code: 817 });
  const train = async (seed: number, epochs: string): Promise<void> => {
    await lyon('train', '--cohort', 'chest', '--network', 'cnn-small', '--epochs', epochs, '--seed', String(seed));
    await lyon('peers', 'publish');
  };
  const select = async (): Promise<CallOutput<'select-ensemble'>> =>
    (await lyon('peers', 'select')).json<CallOutput<'select-ensemble'>>();
  // Which images judge is drawn by each home's own key, and one model may be best alone on them: it is no test before several vote. Models
  // that were trained shortly are about as good as one another and err in different ways.
  for (const seed of [11, 12]) await train(seed, '4');
  let selected = await select();
  for (let seed = 13; selected.members.length < 2 && seed < 28; seed += 1) {
    await train(seed, '4');
    selected = await select();
  }
  expect(selected.members.length).toBeGreaterThan(1);

  const kept = (await lyon('peers', 'keep', 'ensemble')).json<CallOutput<'keep-model'>>();
  expect(kept).toMatchObject({ site: 'ensemble', isKnown: false });
  const short = (model: string): string => model.slice(0, 16);
  expect([...kept.members].sort()).toEqual(selected.members.map(({ model }) => short(model)).sort());
  const { models } = (await lyon('models', 'list')).json<{ models: Model[] }>();
  expect(models.find(({ id }) => id === kept.id)).toMatchObject({ isEnsemble: true, parents: kept.members, classes });

  const evaluated = await lyon('evaluate', '--model', kept.id, '--cohort', 'chest', '--split', 'validation');
  const { report, members } = evaluated.json<CallOutput<'evaluate-model'>>();
  const rounded = (estimate: Estimate): number[] =>
    Object.values(estimate!).map((value: number) => Number(value.toFixed(6)));
  expect(rounded(report.metrics.auc)).toEqual(rounded(selected.auc.ensemble));
  expect(rounded(report.metrics.accuracy)).toEqual(rounded(selected.accuracy.ensemble));
  expect(members.map(({ model }) => model)).toEqual(kept.members);

  const csv = path.join(folder, 'said.csv');
  const predict = ['predict', '--model', kept.id, '--cohort', 'chest', '--write', 'sr', 'sc', '--csv', csv];
  const said = (await lyon(...predict)).json<CallOutput<'predict-studies'>>();
  expect(said.members).toEqual(kept.members);
  expect(said.failures).toEqual([]);
  // A report for each series, a picture for each image.
  expect(said.written).toBeGreaterThan(said.images.length);
  for (const { probabilities, votes } of said.images) {
    expect(votes).toHaveLength(kept.members.length);
    const mean = softVote(votes.map((vote) => Float32Array.from(vote)));
    mean.forEach((value, index) => expect(probabilities[index]).toBeCloseTo(value, 6));
  }
  const [head] = readFileSync(csv, 'utf8').split('\n');
  for (const member of kept.members) expect(head).toContain(`${member} nodule`);

  expect(await fault('models', 'export', kept.id, path.join(folder, 'e.onnx'))).toMatchObject({ code: 255 });
  expect(existsSync(path.join(folder, 'e.onnx'))).toBe(false);
  await lyon('models', 'delete', kept.members[0]!);
  const gone = await fault('predict', '--model', kept.id, '--cohort', 'chest');
  expect(gone).toMatchObject({ code: 254, message: expect.stringContaining(kept.members[0]!) });
  // Kept again, it is whole.
  expect((await lyon('peers', 'keep', 'ensemble')).json()).toMatchObject({ id: kept.id, isKnown: true });
  expect((await lyon('predict', '--model', kept.id, '--cohort', 'chest')).code).toBe(0);
}, 240_000);
