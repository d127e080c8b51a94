// The choice from a bench whose models draw masks or give several labels; that of one label is played in test/integration/sync.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Fault } from '../../../../src/contract/fault.ts';
import { projectSchema } from '../../../../src/contract/federation.ts';
import type { Metrics } from '../../../../src/contract/metrics.ts';
import type { Network } from '../../../../src/contract/network.ts';
import { openBench } from '../../../../src/sync/site/bench.ts';
import { openCachedPredictions } from '../../../../src/sync/site/cached-predictions.ts';
import { selectFromBench } from '../../../../src/sync/site/bench-selection.ts';
import { openMaskVotes } from '../../../../src/sync/site/mask-vote.ts';
import type { MembershipDesk } from '../../../../src/sync/site/membership-desk.ts';
import type { SiteWork, Voter } from '../../../../src/sync/site/site-work.ts';
import { multiLabelMetrics, resolveNetwork } from '../../../../src/trainer/client.ts';

const base = { id: 'lungs', title: 'Lungs', hyperParameters: {}, trunkRule: { bufferSize: 2 }, commits: 3, seed: 1 };
const patients = Int32Array.from([0, 1, 2, 3, 4]);

function situation(candidates: readonly { model: string; author: string | null; metrics: object }[], measure: unknown) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-bench-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const state = {
    candidates: candidates.map((one) => ({ site: one.author ?? 'trunk', ...one })),
    muted: [] as string[],
    selected: [] as string[],
    help: {} as Record<string, number>,
    own: { model: candidates[0]!.model },
    scoreboard: null as { rows: { model: string; auc: unknown }[] } | null,
    selectionMethod: 'nsga-ii',
  };
  const desk = { state, keys: { fingerprint: 'lyon' }, work: { measure } } as unknown as MembershipDesk;
  return { state, desk, predictions: openCachedPredictions(folder) };
}

const dice = (value: number): object => ({
  dice: { value, low: value, high: value },
  auc: null,
  accuracy: null,
  loss: 0,
});
const masks = projectSchema.parse({ ...base, classes: ['background', 'lung'], network: resolveNetwork('unet') });

/** Three sites' models of masks; `votes` is the Dice of those that vote together, a Fault where they cannot. */
function benchOfMasks(votes: Record<string, number | Fault>, definitions: Record<string, Network> = {}) {
  const candidates = [
    { model: 'ours', author: 'lyon', metrics: dice(0.6) },
    { model: 'theirs', author: 'oslo', metrics: dice(0.8) },
    { model: 'others', author: 'quito', metrics: dice(0.7) },
  ].map((one) => ({ ...one, definition: definitions[one.model] ?? null, normalisation: null }));
  const asked: string[] = [];
  const names = (...voters: Voter[]): string => voters.map(({ weights }) => Buffer.from(weights).toString()).join('+');
  const evaluate: SiteWork['evaluate'] = async ({ others = [], ...first }) => {
    const together = names(first, ...others);
    asked.push(together);
    const vote = votes[together] ?? 0;
    if (vote instanceof Fault) throw vote;
    return { metrics: dice(vote) as Metrics, probabilities: new Float32Array(), labels: new Int32Array() };
  };
  const made = situation(candidates, () => Promise.reject(new Error('of masks no predictions are kept')));
  const { work, state, keys } = made.desk;
  const blobs = { read: async (model: string) => Buffer.from(model) };
  const desk = { state, keys, blobs, work: { ...work, evaluate } } as unknown as MembershipDesk;
  for (const { model } of candidates) made.predictions.put(model, new Float32Array(), new Int32Array());
  const parts = { predictions: made.predictions, votes: openMaskVotes(desk) };
  const select = (): Promise<void> => selectFromBench(desk, parts, masks, 'chest');
  return { state: made.state, desk, asked, select, votes: parts.votes };
}

it('chooses the model of the best Dice where no other makes its masks better, and tells what each peer adds', async () => {
  const { state, select } = benchOfMasks({ 'theirs+others': 0.79, 'theirs+ours': 0.7 });
  await select();
  expect(state.selected).toEqual(['theirs']);
  expect(state.help['oslo']).toBeCloseTo(0.1);
  expect(state.help['quito']).toBeCloseTo(-0.01);
});

it('lets models of masks vote for as long as the Dice of their mean grows, and measures no vote twice', async () => {
  const votes = { 'theirs+others': 0.82, 'theirs+ours': 0.81, 'theirs+others+ours': 0.85, 'others+ours': 0.75 };
  const { state, asked, select } = benchOfMasks(votes);
  await select();
  expect(state.selected).toEqual(['theirs', 'others', 'ours']);
  expect(state.scoreboard!.rows.find(({ model }) => model === 'ensemble')).toMatchObject(dice(0.85));
  expect(state.help['oslo']).toBeCloseTo(0.1);
  expect(state.help['quito']).toBeCloseTo(0.04);
  const before = [...asked];
  await select();
  expect(asked).toEqual(before);
});

it('ends a choice whose images changed meanwhile, and keeps nothing of its votes', async () => {
  const { state, desk, asked, select, votes } = benchOfMasks({ 'theirs+others': 0.82 });
  const { evaluate } = desk.work;
  desk.work.evaluate = async (order) => {
    // As another cohort is approved: the models stay, what they were measured on goes.
    state.candidates = state.candidates.map((candidate) => ({ ...candidate }));
    votes.clear();
    desk.work.evaluate = evaluate;
    return evaluate(order);
  };
  await select();
  expect(asked).toEqual(['theirs+others']);
  expect(state.selected).toEqual([]);
  await select();
  expect(asked.filter((together) => together === 'theirs+others')).toHaveLength(2);
  expect(state.selected).toEqual(['theirs', 'others']);
});

it('a choice that a person orders waits for the one under way', async () => {
  const made = benchOfMasks({ 'theirs+others': 0.82 });
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-bench-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const predictions = openCachedPredictions(path.join(folder, 'predictions'));
  for (const { model } of made.state.candidates) predictions.put(model, new Float32Array(), new Int32Array());
  const [began, mayEnd] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { evaluate } = made.desk.work;
  made.desk.work.evaluate = async (order) => {
    began.resolve();
    await mayEnd.promise;
    return evaluate(order);
  };
  const bench = openBench({ ...made.desk, folder, save: () => {} });
  const underWay = bench.select(masks, 'chest', null);
  await began.promise;
  made.state.muted.push('oslo');
  const ordered = bench.select(masks, 'chest', null);
  mayEnd.resolve();
  await Promise.all([underWay, ordered]);
  expect(made.state.selected).toEqual(['others']);
});

it('leaves out of a vote what cannot vote with the best: masks of another size, too many pixels', async () => {
  const unet = resolveNetwork('unet');
  const smaller = { ...unet, input: { ...unet.input, height: 64, width: 64 } };
  const tooLarge = new Fault({ code: 370, message: 'The masks are too many.', retry: 'never' });
  const { state, asked, select } = benchOfMasks({ 'theirs+ours': tooLarge }, { others: smaller });
  await select();
  expect(state.selected).toEqual(['theirs']);
  expect(asked).toEqual(['theirs+ours']);
  expect(state.help['quito']).toBeUndefined();
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
  await selectFromBench(desk, { predictions, votes: openMaskVotes(desk) }, project, 'chest');
  expect(state.selected.toSorted()).toEqual(['ours', 'theirs']);
  expect(state.scoreboard!.rows.find(({ model }) => model === 'ensemble')?.auc).toMatchObject({ value: 1 });
});
