// The client against a trainer process that misbehaves.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import type { ExportJob } from '../../../src/contract/model-jobs.ts';
import { startTrainer, type TrainerProcess } from '../../../src/trainer/client.ts';
import { stripesNetwork } from './stripes.ts';

vi.setConfig({ testTimeout: 60_000 });

/** Answers a job named “nonsense” with something that is no message, and others a while later. */
const misbehaving = `
process.on('message', ({ id, job }) => {
  if (job.file === 'nonsense') process.send({ kind: 'nonsense' });
  else setTimeout(() => process.send({ kind: 'exported', id, bytes: process.pid }), 500);
});
process.send({ kind: 'ready' });
`;

const folder = mkdtempSync(path.join(tmpdir(), 'imagiq-client-'));
let trainer: TrainerProcess;
afterEach(() => {
  trainer.close();
  rmSync(folder, { recursive: true, force: true });
});

it('the end of a process that sent nonsense fails its own job and none of those that wait', async () => {
  const entry = path.join(folder, 'misbehaving.mjs');
  writeFileSync(entry, misbehaving);
  trainer = startTrainer({ entry });
  const job = (file: string): ExportJob => ({
    job: 'export',
    network: stripesNetwork,
    classes: 2,
    weightsFile: 'none',
    mean: 0,
    standardDeviation: 1,
    metadata: {},
    file,
  });
  const jobs = ['nonsense', 'second', 'third'].map((name) => trainer.exportModel(job(name)));
  const [first, second, third] = await Promise.allSettled(jobs);
  expect(first).toMatchObject({ status: 'rejected', reason: { code: 362 } });
  // Both by the one process that took the other's place.
  expect(second).toMatchObject({ status: 'fulfilled' });
  expect(third).toEqual(second);
});
