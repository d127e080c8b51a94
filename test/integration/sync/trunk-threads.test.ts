// What the trunk computes in a thread: to the same bits as in memory, while its hub goes on; refusals, lost threads and kills.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Fault } from '../../../src/contract/fault.ts';
import { trunkRuleSchema, type UpdateForm, updateFormSchema } from '../../../src/contract/federation.ts';
import { seededRandom } from '../../../src/sync/aggregation/seeded-random.ts';
import { blockValues } from '../../../src/sync/aggregation/tensor-values.ts';
import { openCommit } from '../../../src/sync/aggregation/trunk-commit.ts';
import { decodeUpdate, encodeUpdate } from '../../../src/sync/aggregation/update.ts';
import { decodeWeights, encodeWeights, type Weights } from '../../../src/sync/aggregation/weights.ts';
import { openTrunkVariate } from '../../../src/sync/aggregation/trunk-variate.ts';
import { withVariate } from '../../../src/sync/aggregation/update-layout.ts';
import { openTrunkThreads } from '../../../src/sync/hub/trunk-threads.ts';
import type { CommitStep, CommitTask, FiledUpdate } from '../../../src/sync/hub/trunk-work.ts';
import type { VariateTask } from '../../../src/sync/hub/variate-work.ts';
import { openBlobFolder } from '../../../src/sync/protocol/blob-folder.ts';
import { openBench, practiceProject } from './federation-fixture.ts';

const bench = openBench();
afterEach(() => bench.close());
const threads = (doneHere = 0) => bench.keep(openTrunkThreads({ doneHere }));

const random = seededRandom(3);
/** A tensor of more than two blocks, and small ones. */
const shapes = {
  'conv.filter': [3, blockValues - 1_000],
  'norm.variance': [16],
  'dense.kernel': [50, 40],
  bias: [1_100],
};
const weightsOf = (scale: number): Weights =>
  new Map(
    Object.entries(shapes).map(([name, shape]) => {
      const count = shape.reduce((all, one) => all * one, 1);
      return [name, { shape, values: Float32Array.from({ length: count }, () => scale * (random() - 0.5)) }];
    }),
  );
const base = new Map([
  ...weightsOf(1),
  // A variance is not below zero, whatever an update takes off it.
  ['norm.variance', { shape: [16], values: new Float32Array(16).fill(4) }],
]);
const statistics = new Set(['norm.variance']);

/** Three updates of two sites on a disk, and the task that commits them. */
function situation(form: UpdateForm, changes: Partial<CommitTask['rule']> = {}) {
  const folder = bench.folder();
  mkdirSync(folder, { recursive: true });
  const put = (name: string, bytes: Uint8Array): string => {
    writeFileSync(path.join(folder, name), bytes);
    return path.join(folder, name);
  };
  const updates = [0.1, 0.01, 2].map((scale, index) => {
    const bytes = encodeUpdate(weightsOf(scale), form);
    const filed: FiledUpdate = {
      id: `update-${index}`,
      site: index === 0 ? 'lyon' : 'oslo',
      examples: 10 + index,
      stalenessCommits: 0,
      file: put(`update-${index}`, bytes),
      startedFrom: null,
    };
    return { filed, update: decodeUpdate(bytes, { layout: base, form }) };
  });
  const rule = trunkRuleSchema.parse({ bufferSize: 3, clipNorm: 5, ...changes });
  const task: CommitTask = {
    kind: 'commit',
    blobs: { folder: path.join(folder, 'blobs'), isShared: false },
    carries: practiceProject(),
    base: put('base', encodeWeights(base)),
    statistics,
    rule,
    optimizerState: null,
    isLast: false,
    from: { updates: updates.map(({ filed }) => filed), form },
  };
  return { task, updates, blobs: openBlobFolder(task.blobs.folder) };
}

describe('a commit that a thread makes from files', () => {
  it.each<Partial<UpdateForm>>([
    { updateCodec: 'float32' },
    { updateCodec: 'float16', updateCompression: 'zstd' },
    { updateCodec: 'int8' },
    { updateCodec: 'top-k', keptShare: 0.03, updateCompression: 'zstd' },
  ])('is that of the updates in memory, bit for bit: %o', async (given) => {
    const serverOptimizer = { kind: 'yogi', beta1: 0.9, beta2: 0.99, tau: 1e-3 } as const;
    const { task, updates, blobs } = situation(updateFormSchema.parse(given), { serverOptimizer });
    const open = openCommit({
      base,
      contributions: updates.map(({ filed }) => filed),
      rule: task.rule,
      statistics,
    });
    for (const { filed, update } of updates) open.add(filed.id, update);
    const { weights, optimizerState } = open.finish();
    const steps: CommitStep[] = [];
    const made = await threads().commit(task, 1, (step) => steps.push(step));
    expect(Buffer.from(await blobs.read(made.blob)).equals(encodeWeights(weights))).toBe(true);
    expect(Buffer.from(await blobs.read(made.optimizerBlob!)).equals(encodeWeights(optimizerState!))).toBe(true);
    expect(steps).toEqual(['optimizer-state-written', 'trunk-blob-written']);
    // The same here, where it is written already; what packed updates were unpacked to is gone.
    expect(await threads(2).commit(task, 1, () => {})).toEqual(made);
    expect(readdirSync(path.join(task.blobs.folder, 'unfinished'))).toEqual([]);
  });

  it('leaves the hub free to go on meanwhile, which a commit made here does not', async () => {
    const { task } = situation(updateFormSchema.parse({ updateCodec: 'float32' }));
    const turnsBeforeFirstStep = async (doneHere: number): Promise<number> => {
      let turns = 0;
      let found: number | null = null;
      const count = (): void => {
        turns += 1;
        if (found === null) setImmediate(count);
      };
      setImmediate(count);
      await threads(doneHere).commit(task, 1, () => {
        found ??= turns;
      });
      return found!;
    };
    expect(await turnsBeforeFirstStep(1)).toBe(0);
    expect(await turnsBeforeFirstStep(0)).toBeGreaterThan(10);
  });

  it('ends at a step that throws, and is made anew by the same thread', async () => {
    const { task, blobs } = situation(updateFormSchema.parse({}));
    const working = threads();
    const killed = working.commit(task, 1, () => {
      throw new Error('the hub was killed');
    });
    await expect(killed).rejects.toThrow('the hub was killed');
    expect(blobs.storedBefore(Date.now() + 60_000)).toEqual([]);
    const made = await working.commit(task, 1, () => {});
    expect(blobs.has(made.blob)).toBe(true);
  });

  it('fails with the thread that is lost, and is made by the next', async () => {
    const { task, blobs } = situation(updateFormSchema.parse({}));
    const working = threads();
    const endings: Promise<void>[] = [];
    const lost = working.commit(task, 1, () => void endings.push(working.close()));
    await expect(lost).rejects.toThrow('was lost');
    await Promise.all(endings);
    expect(blobs.has((await working.commit(task, 1, () => {})).blob)).toBe(true);
  });

  it('fails with the system’s answer where a file is gone', async () => {
    const { task } = situation(updateFormSchema.parse({}));
    const gone = { ...task, base: `${task.base}-gone` };
    await expect(threads().commit(gone, 1, () => {})).rejects.toMatchObject({ code: 'ENOENT', path: gone.base });
  });
});

describe('an update that a thread checks', () => {
  it.each<[number | null, (values: Float32Array) => void]>([
    [null, () => {}],
    [555, (values) => values.fill(Number.NaN, -1)],
    [556, (values) => values.fill(-2049, blockValues, blockValues + 1)],
  ])('is taken or refused as in memory: %s', async (code, damage) => {
    const form = updateFormSchema.parse({ updateCodec: 'float32' });
    const { task, updates } = situation(form);
    const { file } = updates[0]!.filed;
    const update = decodeWeights(encodeWeights(updates[0]!.update));
    damage(update.get('conv.filter')!.values);
    writeFileSync(file, encodeUpdate(update, form));
    const check = {
      kind: 'check',
      update: file,
      form,
      startedFrom: task.base,
      carries: task.carries,
      statistics,
      maxUpdateNorm: null,
    } as const;
    for (const doneHere of [0, 1]) {
      const refusal = threads(doneHere)
        .check(check, 1)
        .then(() => null)
        .catch((thrown: unknown) => (thrown instanceof Fault ? thrown.code : thrown));
      expect(await refusal).toBe(code);
    }
  });
});

describe('control variates that a thread computes from files', () => {
  it('are to the last bit what is computed here, a departed site’s left out, and the hub goes on meanwhile', async () => {
    const form = updateFormSchema.parse({ updateCodec: 'int8' });
    const { task: commit, blobs } = situation(form);
    const carries = { ...practiceProject(), controlVariates: true };
    const folder = path.dirname(commit.base);
    const filed = (site: string, bytes: Uint8Array, isMember = true) => {
      const file = path.join(folder, `variate-${site}`);
      writeFileSync(file, bytes);
      return { site, file, examples: 10 + site.length, isMember };
    };
    const brought = encodeUpdate(withVariate(weightsOf(0.1), weightsOf(0.5)), form);
    const heldVariate = weightsOf(0.25);
    const task: VariateTask = {
      kind: 'variates',
      blobs: commit.blobs,
      base: commit.base,
      carries,
      form,
      brought: [filed('oslo', brought)],
      held: [filed('lyon', encodeWeights(heldVariate)), filed('gone', encodeWeights(weightsOf(9)), false)],
    };
    let turns = 0;
    let isDone = false;
    const count = (): void => {
      turns += 1;
      if (!isDone) setImmediate(count);
    };
    setImmediate(count);
    const made = await threads().variates(task, 1);
    isDone = true;
    expect(turns).toBeGreaterThan(10);
    expect(await threads(2).variates(task, 1)).toEqual(made);
    const [{ blob, examples }] = made.sites as [(typeof made.sites)[number]];
    expect(examples).toBe(14);
    const own = decodeWeights(await blobs.read(blob));
    const mean = openTrunkVariate(base);
    mean.add(heldVariate, 14);
    mean.add(own, 14);
    expect(Buffer.from(await blobs.read(made.trunk.blob)).equals(encodeWeights(mean.mean()))).toBe(true);
  });
});
