// Two hospitals with hippocampus volumes: their small U-Nets go over the bench, vote on masks, are kept as one model and draw.
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { CallInput, CallName, CallOutput } from '../../../src/contract/calls.ts';
import { projectSchema } from '../../../src/contract/federation.ts';
import type { Estimate } from '../../../src/contract/metrics.ts';
import { networkSchema } from '../../../src/contract/network.ts';
import { stationAnswers } from '../../../src/station/answer.ts';
import { initialTrunk } from '../../../src/station/initial-trunk.ts';
import { openStation } from '../../../src/station/open-station.ts';
import { openHub } from '../../../src/sync/hub/hub.ts';

const volumes = path.resolve(import.meta.dirname, '../../../../shared/data/msd-hippocampus-80');
const volumesEach = 8;

const unet = (filters: number) => ({
  name: `unet-${filters}`,
  description: 'Two levels',
  task: 'segmentation',
  input: { height: 32, width: 32, channels: 1 },
  layers: [
    { op: 'conv', id: 'in', input: 'input', filters, kernel: 3 },
    { op: 'relu', id: 'fine', input: 'in' },
    { op: 'max-pool', id: 'half', input: 'fine', size: 2, stride: 2 },
    { op: 'conv', id: 'deep', input: 'half', filters: 2 * filters, kernel: 3 },
    { op: 'relu', id: 'coarse', input: 'deep' },
    { op: 'upsample', id: 'up', input: 'coarse' },
    { op: 'concat', id: 'both', inputs: ['fine', 'up'] },
    { op: 'conv', id: 'logits', input: 'both', filters: 'classes', kernel: 1 },
  ],
  output: 'logits',
});

const hyperParameters = { epochs: 20, batchSize: 8, learningRate: 0.005 };
/** Models that vote are to have learnt something. */
const ownHyperParameters = { ...hyperParameters, epochs: 50 };
const project = projectSchema.parse({
  id: 'hippocampus',
  title: 'Hippocampus',
  classes: ['background', 'label 1', 'label 2'],
  network: networkSchema.parse(unet(8)),
  hyperParameters,
  trunkRule: { bufferSize: 2 },
  peerModels: true,
  commits: 1,
  seed: 1,
});

async function hospital(folder: string, site: number) {
  for (const kind of ['images', 'labels']) {
    mkdirSync(path.join(folder, 'files', kind), { recursive: true });
    for (const name of readdirSync(path.join(volumes, kind)).slice(site * volumesEach, (site + 1) * volumesEach))
      copyFileSync(path.join(volumes, kind, name), path.join(folder, 'files', kind, name));
  }
  const station = await openStation({ home: path.join(folder, 'home'), onEvent: () => {}, leakProbeSeconds: 0.5 });
  onTestFinished(() => station.close());
  const answer = stationAnswers(station);
  const call = <N extends CallName>(name: N, input: CallInput<N>) => answer(name, input) as Promise<CallOutput<N>>;
  await call('import-paths', { paths: [path.join(folder, 'files')] });
  await call('create-cohort', { name: 'brains', task: 'segmentation' });
  return call;
}

type Hospital = Awaited<ReturnType<typeof hospital>>;
const federation = 'Brains';

async function membershipOf(call: Hospital) {
  const { memberships } = await call('memberships', {});
  return memberships.find((one) => one.federation === federation)!;
}

it.skipIf(!existsSync(volumes))(
  'small U-Nets of two sites vote on masks, and the chosen ensemble draws as one model (needs ../shared/data/msd-hippocampus-80)',
  async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-mask-ensemble-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    const hub = await openHub({
      folder: path.join(folder, 'hub'),
      port: 0,
      federation,
      project,
      initialWeights: initialTrunk(project),
    });
    onTestFinished(() => hub.close());
    const [lyon, oslo] = await Promise.all(['lyon', 'oslo'].map((site, at) => hospital(path.join(folder, site), at)));
    for (const [site, call] of [['Lyon', lyon!] as const, ['Oslo', oslo!] as const]) {
      await call('join', { invite: await hub.createInvite(), site });
      await expect.poll(async () => (await membershipOf(call)).project?.id).toBe(project.id);
      await call('approve-project', { federation, cohort: 'brains', acceptsLeak: true });
    }
    for (const call of [lyon!, oslo!])
      await expect.poll(async () => (await membershipOf(call)).state, { timeout: 60_000 }).toBe('finished');

    const ownNetwork = path.join(folder, 'unet-12.json');
    writeFileSync(ownNetwork, JSON.stringify(unet(12)));
    const shown = async (seed: number): Promise<string> => {
      const networkFile = ownNetwork;
      const { id } = await oslo!('start-run', {
        cohort: 'brains',
        network: 'unet-12',
        networkFile,
        hyperParameters: ownHyperParameters,
        seed,
      });
      const isTrained = async (): Promise<string | undefined> =>
        (await oslo!('runs', {})).runs.find((run) => run.id === id)?.state;
      await expect.poll(isTrained, { timeout: 60_000 }).toBe('done');
      return (await oslo!('publish-model', { federation, id: null })).model;
    };
    const offered = await shown(11);
    await lyon!('pull-models', { federation });
    await lyon!('evaluate-bench', { federation });
    let selected = await lyon!('select-ensemble', { federation });
    // Which volumes judge is drawn by each home's own key, and one model may be best alone on them.
    for (let seed = 12; selected.members.length < 2 && seed < 24; seed += 1) {
      await shown(seed);
      await lyon!('pull-models', { federation });
      selected = await lyon!('select-ensemble', { federation });
    }
    expect(selected.members.length).toBeGreaterThan(1);
    const { bench, peers } = await membershipOf(lyon!);
    expect(bench.find(({ model }) => model === offered)).toMatchObject({ site: 'Oslo', network: 'unet-12', auc: null });
    const alone = bench.map(({ dice }) => dice!);
    expect(selected.dice.ensemble!.value).toBeGreaterThan(Math.max(...alone));
    expect(peers[0]!.alone).toBeGreaterThan(0);

    const kept = await lyon!('keep-model', { federation, model: 'ensemble' });
    expect(kept.members).toHaveLength(selected.members.length);
    const { report, members } = await lyon!('evaluate-model', { id: kept.id, cohort: 'brains', split: 'validation' });
    const rounded = (estimate: Estimate): number[] =>
      Object.values(estimate!).map((value: number) => Number(value.toFixed(6)));
    expect(rounded(report.metrics.dice)).toEqual(rounded(selected.dice.ensemble));
    expect(members.map(({ model }) => model)).toEqual(kept.members);
    const said = await lyon!('predict-studies', { id: kept.id, cohort: 'brains', write: ['seg'] });
    expect(said.members).toEqual(kept.members);
    expect(said.failures).toEqual([]);
    expect(said.written).toBe(volumesEach);
  },
  300_000,
);
