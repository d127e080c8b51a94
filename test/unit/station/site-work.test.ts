// What federation work asks of cohorts and trainer, both stand-ins that note what they were asked.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Project, projectSchema } from '../../../src/contract/federation.ts';
import type { TrainJob } from '../../../src/contract/training.ts';
import type { Cohorts } from '../../../src/station/cohorts/cohorts.ts';
import { type KeptPictures, openLeakPictures } from '../../../src/station/privacy/leak-pictures.ts';
import { openPrivacyLedger } from '../../../src/station/privacy/privacy-ledger.ts';
import { siteWork } from '../../../src/station/site-work.ts';
import { resolveNetwork, type TrainerProcess } from '../../../src/trainer/client.ts';

const project = projectSchema.parse({
  id: 'chest',
  title: 'Chest',
  classes: ['normal', 'nodule', 'effusion'],
  network: resolveNetwork('cnn-small'),
  hyperParameters: {},
  trunkRule: { bufferSize: 2 },
  commits: 3,
  seed: 1,
});

function situation(): { folder: string; work: ReturnType<typeof siteWork>; jobs: TrainJob[]; classes: unknown[] } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-work-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const jobs: TrainJob[] = [];
  const classes: unknown[] = [];
  const cohorts = {
    show: (name: string) => ({ hash: `hash of ${name}` }),
    buildDataset: async (_name: string, options: { classes?: unknown }) => {
      classes.push(options.classes);
      return { file: 'dataset' };
    },
  } as unknown as Cohorts;
  const trainer = {
    train: async (job: TrainJob) => {
      jobs.push(job);
      return { stoppedEarly: true };
    },
  } as unknown as TrainerProcess;
  const work = () =>
    siteWork({
      folder,
      datasets: folder,
      cohorts,
      trainer,
      privacy: openPrivacyLedger(folder, () => null),
      threads: () => 1,
      idleShare: 0,
      leakPictures: openLeakPictures(path.join(folder, 'pictures')),
      leakProbeSeconds: 1,
    });
  return { folder, work: work(), jobs, classes };
}

const order = {
  project,
  cohort: 'chest',
  trunkWeights: new Uint8Array([1]),
  trunkVersion: 1,
  turn: 0,
  controlVariates: null,
  signal: new AbortController().signal,
  onProgress: () => {},
};

test('an update that was stopped continues in its folder; another project, cohort or trunk gets its own', async () => {
  const { work, jobs, classes } = situation();
  const other: Project = { ...project, commits: 4 };
  const orders = [
    order,
    order,
    { ...order, project: other },
    { ...order, cohort: 'newer' },
    { ...order, trunkWeights: new Uint8Array([2]) },
    { ...order, turn: 1 },
  ];
  for (const each of orders) await expect(work.trainUpdate(each)).rejects.toMatchObject({ code: 612 });
  const [first, again, ...others] = jobs.map(({ runFolder }) => runFolder);
  expect(again).toBe(first);
  expect(new Set([first, ...others]).size).toBe(5);
  for (const asked of classes) expect(asked).toEqual(project.classes);
});

test('what a killed process left is swept: single jobs at once, turns when they are old', () => {
  const { folder } = situation();
  const recent = `turn-${'a'.repeat(32)}`;
  const old = `turn-${'b'.repeat(32)}`;
  for (const name of ['job-1', recent, old, 'chest-turn-0-trunk-1']) {
    mkdirSync(path.join(folder, name));
    writeFileSync(path.join(folder, name, 'weights'), 'x');
  }
  utimesSync(path.join(folder, old), 0, 0);
  const privacy = openPrivacyLedger(folder, () => null);
  const leakPictures = {} as KeptPictures;
  const parts = {
    folder,
    datasets: folder,
    privacy,
    threads: () => 1,
    idleShare: 0,
    leakPictures,
    leakProbeSeconds: 1,
  };
  siteWork({ ...parts, cohorts: {} as Cohorts, trainer: {} as TrainerProcess });
  expect(readdirSync(folder)).toEqual([recent]);
  expect(existsSync(path.join(folder, recent, 'weights'))).toBe(true);
});
