// What a kill costs: never more than half a minute of work, whether it hits a step or a measurement, on a clock by which each takes
// six seconds. A kill is a piece of work that throws: the run gets no chance to write anything.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { TrainJob, TrainOutcome, TrainProgress } from '../../../src/contract/training.ts';
import { type RunControl, runControl } from '../../../src/trainer/run/run-control.ts';
import { type SessionCache, sessionCache } from '../../../src/trainer/run/session-cache.ts';
import { train } from '../../../src/trainer/run/train.ts';
import { disks, disksNetwork } from './disks.ts';
import { stripes, stripesJob, writeDataset } from './stripes.ts';

vi.setConfig({ testTimeout: 120_000 });

const pieceMs = 6_000;
const mostLost = 30_000 / pieceMs;

let folder: string;
let sessions: SessionCache;
let runs = 0;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'imagiq-lost-work-'));
  sessions = sessionCache();
});
afterEach(async () => {
  await sessions.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Sitting {
  readonly outcome: TrainOutcome | null;
  /** Steps and batches measured before the kill, or until the end. */
  readonly pieces: number;
}

/** Trains until it ends, or until the piece of work with this number is killed. */
async function sit(
  job: TrainJob,
  {
    killedAt = Infinity,
    control = runControl(),
    onPiece,
    onProgress = () => {},
  }: {
    killedAt?: number;
    control?: RunControl;
    onPiece?: (kind: 'step' | 'measuring', done: number) => void;
    onProgress?: (progress: TrainProgress) => void;
  } = {},
): Promise<Sitting> {
  let now = 0;
  let pieces = 0;
  const work = (kind: 'step' | 'measuring'): void => {
    if (pieces === killedAt) throw new Error('killed');
    pieces += 1;
    now += pieceMs;
    onPiece?.(kind, pieces);
  };
  const slow: SessionCache = {
    ...sessions,
    async open(request) {
      const opened = await sessions.open(request);
      const { session } = opened;
      return {
        ...opened,
        session: {
          ...session,
          step(batch) {
            work('step');
            return session.step(batch);
          },
          predict(images, count) {
            work('measuring');
            return session.predict(images, count);
          },
        },
      };
    },
  };
  const quiet = { onEpoch: () => {}, onNote: () => {} };
  try {
    const outcome = await train(job, { sessions: slow, control, onProgress, ...quiet, clock: () => now });
    return { outcome, pieces };
  } catch (error) {
    if (!(error instanceof Error && error.message === 'killed')) throw error;
    return { outcome: null, pieces };
  }
}

const newFolder = (): string => path.join(folder, `run-${runs++}`);

function labels(): () => TrainJob {
  const datasetFile = path.join(folder, 'stripes');
  writeDataset(datasetFile, stripes());
  // 40 steps an epoch, 10 batches of validation, 10 of the test split.
  return () => stripesJob({ runFolder: newFolder(), datasetFile }, { hyperParameters: { epochs: 2, batchSize: 4 } });
}

function masks(): () => TrainJob {
  const datasetFile = path.join(folder, 'disks');
  writeDataset(datasetFile, disks(96));
  return () =>
    stripesJob(
      { runFolder: newFolder(), datasetFile },
      { network: disksNetwork, hyperParameters: { epochs: 1, batchSize: 2 } },
    );
}

it.each([
  // In a step, late in the first validation, and late in the last measurement.
  ['of labels', labels, [17, 49, 73, 109]],
  ['of masks', masks, [13, 39, 47]],
])(
  'a run %s loses at most half a minute to a kill at any step, in validation and in the test',
  async (_, jobs, kills) => {
    const job = jobs();
    const unbroken = await sit(job());
    const weights = readFileSync(unbroken.outcome!.weightsFile);
    const costs: number[] = [];
    for (const killedAt of kills) {
      const broken = job();
      const first = await sit(broken, { killedAt });
      const second = await sit(broken);
      costs.push(first.pieces + second.pieces - unbroken.pieces);
      expect(readFileSync(second.outcome!.weightsFile).equals(weights)).toBe(true);
      expect(second.outcome).toMatchObject({
        epochs: unbroken.outcome!.epochs,
        test: unbroken.outcome!.test,
        steps: unbroken.outcome!.steps,
      });
    }
    expect(Math.max(...costs)).toBeLessThanOrEqual(mostLost);
    expect(Math.max(...costs)).toBeGreaterThan(0);
  },
);

it('what was measured by the weights of another run is not taken up', async () => {
  const jobs = labels();
  const [job, other] = [jobs(), { ...jobs(), seed: 8 }];
  await sit(job, { killedAt: 47 });
  const clean = await sit({ ...other, runFolder: newFolder() });
  mkdirSync(other.runFolder);
  cpSync(path.join(job.runFolder, 'measured'), path.join(other.runFolder, 'measured'));
  const found = await sit(other);
  expect(found.pieces).toBe(clean.pieces);
  expect(found.outcome!.epochs).toEqual(clean.outcome!.epochs);
});

it('a hold counts in the middle of measuring, and tells how far it is', async () => {
  const control = runControl();
  const waits: TrainProgress[] = [];
  let heldAt = 0;
  let pieces = 0;
  await sit(labels()(), {
    control,
    onPiece(kind, done) {
      pieces = done;
      if (kind !== 'measuring' || heldAt > 0) return;
      heldAt = done;
      control.hold('the workstation is in use');
    },
    onProgress(progress) {
      if (progress.state !== 'waiting') return;
      waits.push(progress);
      // Between this batch and the next one.
      expect(pieces).toBe(heldAt);
      setImmediate(() => control.hold(null));
    },
  });
  expect(waits).toHaveLength(1);
  expect(waits[0]).toMatchObject({ waitsFor: 'the workstation is in use', measured: { images: 4, of: 40 } });
});

it('the share of rest counts after each batch that is measured as after each step', async () => {
  const control = runControl();
  control.pace(0.75);
  const rests: (number | undefined)[] = [];
  control.changed = (limitMs) => {
    rests.push(limitMs);
    return Promise.resolve();
  };
  const { pieces } = await sit(labels()(), { control });
  expect(rests).toEqual(Array.from({ length: pieces }, () => pieceMs * 3));
});

it('a stop in the middle of measuring keeps what was measured', async () => {
  const job = labels();
  const unbroken = await sit(job());
  const broken = job();
  const control = runControl();
  const first = await sit(broken, {
    control,
    onPiece: (kind, done) => kind === 'measuring' && done === 44 && control.stop(),
  });
  expect(first.outcome).toMatchObject({ stoppedEarly: true, steps: 40 });
  const second = await sit(broken);
  expect(first.pieces + second.pieces).toBe(unbroken.pieces);
  expect(second.outcome!.epochs).toEqual(unbroken.outcome!.epochs);
});
