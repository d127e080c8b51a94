// What the station makes of the trainer's answer to a project's probe; the trainer is a stand-in that notes what it was asked.
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Project, projectSchema } from '../../../../src/contract/federation.ts';
import type { LeakProbe } from '../../../../src/contract/leak-probe.ts';
import { openLeakPictures } from '../../../../src/station/privacy/leak-pictures.ts';
import { probeProject } from '../../../../src/station/privacy/project-probe.ts';
import { resolveNetwork, type TrainerProcess } from '../../../../src/trainer/client.ts';

const project: Project = projectSchema.parse({
  id: 'chest',
  title: 'Chest',
  classes: ['normal', 'nodule'],
  network: resolveNetwork('cnn-small'),
  hyperParameters: { batchSize: 128, loss: 'focal', classWeights: { nodule: 3 } },
  trunkRule: { bufferSize: 3 },
  commits: 3,
  seed: 11,
});
const pair: LeakProbe['pairs'][number] = {
  truth: new Uint8Array([1, 2, 3, 4]),
  guess: new Uint8Array([1, 2, 3, 5]),
  similarity: 0.97,
  peakSignalToNoise: 40,
  rank: 1,
  others: 99,
  chanceMean: 0.1,
  chanceMost: 0.3,
  isRecognised: true,
};
const found: LeakProbe = {
  height: 2,
  width: 2,
  match: 1,
  iterations: 300,
  pairs: [pair],
  isRecognised: true,
  seconds: 9,
};

function situation(answer: () => Promise<LeakProbe>) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-probe-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const pictures = openLeakPictures(folder);
  const jobs: object[] = [];
  const trainer = {
    probeLeak: (job: object) => {
      jobs.push(job);
      return answer();
    },
  } as unknown as TrainerProcess;
  const controller = new AbortController();
  const probe = (changes: Partial<Project> = {}) =>
    probeProject({
      project: { ...project, ...changes },
      federation: 'Chest CT',
      cohort: 'chest',
      datasetFile: 'dataset',
      weightsFile: 'trunk',
      trainer,
      pictures,
      threads: 1,
      maxSeconds: 5,
      signal: controller.signal,
    });
  return { folder, pictures, jobs, probe, controller };
}

test('attacks the first step of the project’s next update: its trunk, network, loss, class weights and batch', async () => {
  const { probe, jobs } = situation(async () => found);
  await probe();
  const { network, hyperParameters, seed } = project;
  const asked = { network, hyperParameters, seed, batch: 16, privacy: null, weightsFile: 'trunk', maxSeconds: 5 };
  expect(jobs).toEqual([expect.objectContaining(asked)]);
});

test('tells what it found in words and keeps the pictures, for their owner only', async () => {
  const { probe, pictures, folder } = situation(async () => found);
  const finding = await probe({ secureAggregation: { threshold: 3, stepMs: 1_000 } });
  expect(finding).toMatchObject({ isRecognised: true, failure: null, similarity: 0.97, images: 1 });
  expect(finding.sentence).toMatch(/could be recognised from the gradient of one image[^]*sum of at least 3 sites/);
  expect(pictures.of('Chest CT')).toMatchObject({ width: 2, pairs: [{ truth: 'AQIDBA==' }] });
  const [file] = readdirSync(folder);
  expect(statSync(path.join(folder, file!)).mode & 0o077).toBe(0);
});

test('pictures go with their cohort, and so do those that nobody can read', async () => {
  const { probe, pictures, folder } = situation(async () => found);
  await probe();
  writeFileSync(path.join(folder, 'damaged.json'), '{');
  pictures.forgetCohorts(['another']);
  expect(readdirSync(folder)).toHaveLength(1);
  pictures.forgetCohorts(['chest']);
  expect(readdirSync(folder)).toHaveLength(0);
  expect(pictures.of('Chest CT')).toBeNull();
});

test('a probe that fails, or had time for a few tries only, is a finding that says so; an earlier picture is gone', async () => {
  const answers = [
    async () => found,
    () => Promise.reject(new Error('no memory')),
    async () => ({ ...found, isRecognised: false, iterations: 1 }),
    async () => ({ ...found, isRecognised: false, iterations: 4 }),
  ];
  const { probe, pictures } = situation(() => answers.shift()!());
  await probe();
  const failed = await probe();
  expect(failed).toMatchObject({ isRecognised: false, similarity: null, failure: expect.any(String) });
  expect(pictures.of('Chest CT')).toBeNull();
  expect((await probe()).failure).toContain('4 tries');
});

test('a probe that had too little time on a busy machine is made again with more', async () => {
  const answers = [7, 56].map((iterations) => ({ ...found, isRecognised: false, iterations }));
  const { probe, jobs } = situation(async () => answers.shift()!);
  expect(await probe()).toMatchObject({ isRecognised: false, failure: null });
  expect(jobs).toMatchObject([{ maxSeconds: 5 }, { maxSeconds: 40 }]);
});

test('a probe that nobody asks for any more is no finding', async () => {
  const { probe, controller } = situation(() => Promise.reject(new Error('stopped')));
  controller.abort();
  await expect(probe()).rejects.toThrow('stopped');
});
