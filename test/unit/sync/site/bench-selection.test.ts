// The choice from a bench whose models draw masks or give several labels; that of one label is played in test/integration/sync.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { projectSchema } from '../../../../src/contract/federation.ts';
import type { Metrics } from '../../../../src/contract/metrics.ts';
import { openCachedPredictions } from '../../../../src/sync/site/cached-predictions.ts';
import { selectFromBench } from '../../../../src/sync/site/bench-selection.ts';
import type { MembershipDesk } from '../../../../src/sync/site/membership-desk.ts';
import { multiLabelMetrics, resolveNetwork } from '../../../../src/trainer/client.ts';

const base = { id: 'lungs', title: 'Lungs', hyperParameters: {}, trunkRule: { bufferSize: 2 }, commits: 3, seed: 1 };
const patients = Int32Array.from([0, 1, 2, 3, 4]);

function situation(candidates: readonly { model: string; author: string | null; metrics: object }[], measure: unknown) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-bench-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const state = {
    candidates: candidates.map((one) => ({ site: one.author ?? 'trunk', ...one })),
    muted: [],
    selected: [] as string[],
    help: {} as Record<string, number>,
    own: { model: candidates[0]!.model },
    scoreboard: null as { rows: { model: string; auc: unknown }[] } | null,
    selectionMethod: 'nsga-ii',
  };
  const desk = { state, keys: { fingerprint: 'lyon' }, work: { measure } } as unknown as MembershipDesk;
  return { state, desk, predictions: openCachedPredictions(folder) };
}

it('chooses the model of the best Dice where masks are drawn, and tells what each peer adds', async () => {
  const dice = (value: number): object => ({
    dice: { value, low: value, high: value },
    auc: null,
    accuracy: null,
    loss: 0,
  });
  const { state, desk, predictions } = situation(
    [
      { model: 'ours', author: 'lyon', metrics: dice(0.6) },
      { model: 'theirs', author: 'oslo', metrics: dice(0.8) },
      { model: 'others', author: 'quito', metrics: dice(0.7) },
    ],
    () => Promise.reject(new Error('masks are not voted on')),
  );
  for (const { model } of state.candidates) predictions.put(model, new Float32Array(), new Int32Array());
  const project = projectSchema.parse({ ...base, classes: ['background', 'lung'], network: resolveNetwork('unet') });
  await selectFromBench(desk, predictions, project, 'chest');
  expect(state.selected).toEqual(['theirs']);
  expect(state.help['oslo']).toBeCloseTo(0.1);
  expect(state.help['quito']).toBeCloseTo(0);
});

it('lets models vote on each of several labels', async () => {
  const labels = Uint8Array.from([1, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 1]);
  const certain = (label: number): number => (label === 1 ? 0.9 : 0.1);
  // One knows the first label only, the other the two that follow.
  const knows = (known: readonly number[]): Float32Array =>
    Float32Array.from(labels, (label, place) => (known.includes(place % 3) ? certain(label) : 0.5));
  const classes = ['effusion', 'nodule', 'mass'];
  const { state, desk, predictions } = situation(
    [
      { model: 'ours', author: 'lyon', metrics: {} },
      { model: 'theirs', author: 'oslo', metrics: {} },
    ],
    async ({ probabilities }: { probabilities: Float32Array }): Promise<Metrics> =>
      multiLabelMetrics(probabilities, labels, patients, classes),
  );
  predictions.put('ours', knows([0]), Int32Array.from(labels));
  predictions.put('theirs', knows([1, 2]), Int32Array.from(labels));
  const project = projectSchema.parse({ ...base, classes, network: resolveNetwork('cnn-small', 'multi-label') });
  await selectFromBench(desk, predictions, project, 'chest');
  expect(state.selected.toSorted()).toEqual(['ours', 'theirs']);
  expect(state.scoreboard!.rows.find(({ model }) => model === 'ensemble')?.auc).toMatchObject({ value: 1 });
});
