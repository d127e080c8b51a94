// A model on this site's own images: read by the model's own preprocessing on threads, predicted in batches, never kept. Of an
// ensemble each member sees the images in its own way, and the mean is what it says.
import type { Model, PredictedImage } from '../../contract/model.ts';
import type { Preprocessing } from '../../contract/preprocessing.ts';
import type { TrainerProcess } from '../../trainer/client.ts';
import type { ExampleTask, FramePlace, ReadImage } from '../cohorts/shard-task.ts';
import type { ShardThreads } from '../cohorts/shard-threads.ts';
import type { Library, SelectedInstance } from '../library/library.ts';
import { mostImages } from './chosen-images.ts';
import { modelFaults } from './faults.ts';
import type { StoredModel, Voters } from './model-registry.ts';
import { chainOf, isSame, viewsOf, votedAnswers } from './voted-answers.ts';

/** Images in one message to the trainer. */
const batchSize = 16;
/** Batches that are read while one is predicted. */
const batchesAhead = 2;

export interface Predictions {
  readonly images: PredictedImage[];
  readonly failures: { studyInstanceUID: string; sopInstanceUID: string; reason: string }[];
}

/** Everything that is known of one image for whoever writes it down. */
export interface ImageResult {
  readonly predicted: PredictedImage;
  readonly place: ReadImage['place'];
  /** As the engine's `predict` returns them for one image. */
  readonly values: Float32Array;
  /** 0…255 on the frame's own rows × columns; null where none was asked for. */
  readonly heat: Uint8Array | null;
}

export interface PredictParts {
  readonly library: Library;
  readonly trainer: TrainerProcess;
  readonly reading: ShardThreads;
  readonly threads: number;
  /** Resolves when the next images may be run, after some that took so long. */
  readonly turn: (workedMs: number) => Promise<void>;
  /** Whether each image's heat map is wanted with its prediction. */
  readonly withHeat: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: { done: number; total: number }) => void;
  /** Hears each image, series by series in the order of their slices. */
  readonly onResult: (result: ImageResult) => Promise<void>;
}

/** An image that the model is asked about. */
interface Target {
  readonly instance: SelectedInstance;
  /** Counts from 1; null for an instance of one frame. */
  readonly frame: number | null;
}

/** @throws Fault 238 (nothing chosen), 239 (too many); what a single image cannot do is among the failures. */
export async function predictStudies(
  { model, voters }: Voters,
  chosen: readonly SelectedInstance[],
  parts: PredictParts,
): Promise<Predictions> {
  const { library, trainer, reading, threads, turn, withHeat, signal, onProgress, onResult } = parts;
  if (chosen.length === 0) throw modelFaults.nothingChosen();
  const targets = targetsOf(model, chosen);
  if (targets.length > mostImages) throw modelFaults.tooMany(targets.length, mostImages);
  const found: Predictions = { images: [], failures: [] };
  const views = viewsOf(voters).map((chain) => ({ chain, tasks: exampleTasks(chain, library) }));
  const viewOf = (voter: StoredModel): number => viewsOf(voters).findIndex((chain) => isSame(chain, chainOf(voter)));
  /** By view, then by image. */
  const read = (start: number): Promise<Awaited<ReturnType<ShardThreads['read']>>[]> => {
    const wanted = targets.slice(start, start + batchSize);
    const reads = Promise.all(
      views.map(({ chain, tasks }) => reading.read({ read: wanted.map(tasks), chain, skipped: [] })),
    );
    // Whoever waits for it hears of it; after a cancel nobody does.
    reads.catch(() => {});
    return reads;
  };
  const answers = (asked: readonly Asked[]): ReturnType<typeof votedAnswers> =>
    votedAnswers(voters, asked, {
      predict: (order) => trainer.predict({ ...order, threads }, { signal }),
      heatOf: withHeat ? -1 : null,
    });
  const ahead = new Map<number, ReturnType<typeof read>>();
  let workedMs = 0;
  for (let start = 0; start < targets.length; start += batchSize) {
    await turn(workedMs);
    signal.throwIfAborted();
    const began = performance.now();
    for (let next = start; next < targets.length && next <= start + batchesAhead * batchSize; next += batchSize)
      if (!ahead.has(next)) ahead.set(next, read(next));
    const seen = await ahead.get(start)!;
    ahead.delete(start);
    const batch: Asked[] = [];
    for (const [index, target] of targets.slice(start, start + batchSize).entries()) {
      const { studyInstanceUID, sopInstanceUID } = target.instance;
      const read = seen.map((images) => images[index]!);
      const unread = read.find((image) => 'reason' in image);
      if (unread !== undefined) found.failures.push({ studyInstanceUID, sopInstanceUID, reason: unread.reason });
      else batch.push({ target, read: voters.map((voter) => read[viewOf(voter)] as ReadImage) });
    }
    signal.throwIfAborted();
    if (batch.length > 0) {
      const { values, votes, heat } = await answers(batch);
      for (const [at, { target, read }] of batch.entries()) {
        signal.throwIfAborted();
        const predicted = predictedImage(model, target, values[at]!, votes[at]!);
        found.images.push(predicted);
        await onResult({ predicted, place: read[0]!.place, values: values[at]!, heat: heat?.[at] ?? null });
      }
    }
    workedMs = performance.now() - began;
    onProgress({ done: Math.min(targets.length, start + batchSize), total: targets.length });
  }
  return found;
}

/** An image, read as each voter sees it. */
interface Asked {
  readonly target: Target;
  readonly read: readonly ReadImage[];
}

/** Every frame for a segmentation; for others the middle one stands for all, as in a cohort. */
function targetsOf(model: Model, chosen: readonly SelectedInstance[]): Target[] {
  const keys = ['studyInstanceUID', 'seriesInstanceUID', 'position', 'sopInstanceUID'] as const;
  const inOrder = [...chosen].sort((a, b) => {
    const key = keys.find((name) => a[name] !== b[name]);
    return key === undefined ? 0 : (a[key] ?? -Infinity) < (b[key] ?? -Infinity) ? -1 : 1;
  });
  return inOrder.flatMap((instance): Target[] => {
    if (instance.frames === 1) return [{ instance, frame: null }];
    if (model.task !== 'segmentation') return [{ instance, frame: Math.max(1, Math.ceil(instance.frames / 2)) }];
    return Array.from({ length: instance.frames }, (_, index) => ({ instance, frame: index + 1 }));
  });
}

function exampleTasks(
  chain: Preprocessing,
  library: Library,
): (target: { instance: Pick<SelectedInstance, 'sopInstanceUID' | 'frames'>; frame: number | null }) => ExampleTask {
  // One list for all slices of a volume: a message to a thread holds it once.
  const stacks = new Map<string, readonly FramePlace[]>();
  return ({ instance: { sopInstanceUID, frames }, frame }) => {
    const path = library.instanceFile(sopInstanceUID)?.path ?? '';
    let stack: readonly FramePlace[] | null = null;
    if (chain.channelsAre === 'neighbouring-slices' && frames === 1) {
      const found = library.stack(sopInstanceUID).map((place) => ({ path: place.path, frame: 1 }));
      const own = found.some((place) => place.path === path) ? found : [{ path, frame: 1 }];
      const name = `${own[0]?.path} ${own.length}`;
      stack = stacks.get(name) ?? own;
      stacks.set(name, stack);
    }
    return { sopInstanceUID, path, frame, stack, masks: [] };
  };
}

/** One image as each voter sees it. @throws Fault 243 with the reason where it cannot be read */
export async function readImage(
  voters: readonly StoredModel[],
  sopInstanceUID: string,
  frame: number | null,
  { library, reading }: { library: Library; reading: ShardThreads },
): Promise<ReadImage[]> {
  const frames = library.instanceFile(sopInstanceUID)?.frames ?? 1;
  const shown = frame ?? Math.max(1, Math.ceil(frames / 2));
  return Promise.all(
    voters.map(async (voter) => {
      const chain = chainOf(voter);
      const task = exampleTasks(chain, library)({ instance: { sopInstanceUID, frames }, frame: shown });
      const [image] = await reading.read({ read: [task], chain, skipped: [] });
      if (image === undefined || 'reason' in image) throw modelFaults.imageUnreadable(image?.reason ?? 'it is gone.');
      return image;
    }),
  );
}

/** The labels at or above their thresholds, one half where none was chosen. */
function present({ classes, operatingPoint }: Model, probabilities: readonly number[]): string {
  const found = classes.filter((_, label) => probabilities[label]! >= (operatingPoint?.thresholds[label] ?? 0.5));
  return found.length > 0 ? found.join(', ') : 'none';
}

function predictedImage(
  model: Model,
  { instance, frame }: Target,
  values: Float32Array,
  votes: readonly Float32Array[],
): PredictedImage {
  const { studyInstanceUID, seriesInstanceUID, sopInstanceUID } = instance;
  const { classes, task } = model;
  const sharesOf = (said: Float32Array): number[] =>
    task === 'segmentation' ? areas(said, classes.length) : [...said];
  const shares = sharesOf(values);
  const shown =
    task === 'segmentation' && shares.slice(1).some((share) => share > 0) ? [-1, ...shares.slice(1)] : shares;
  const top = shown.indexOf(Math.max(...shown));
  const answer = task === 'multi-label' ? present(model, shares) : (classes[top] ?? '');
  const uids = { studyInstanceUID, seriesInstanceUID, sopInstanceUID };
  return { ...uids, frame, class: answer, probabilities: shares, votes: votes.map(sharesOf) };
}

/** Share of the pixels that each class covers. */
function areas(values: Float32Array, classes: number): number[] {
  const counts = Array.from({ length: classes }, () => 0);
  for (const top of classOfEach(values, classes)) counts[top]! += 1;
  return counts.map((count) => (count * classes) / values.length);
}

/** The most probable class of each pixel. @param values [pixels, classes] */
export function classOfEach(values: Float32Array, classes: number): Uint8Array<ArrayBuffer> {
  const tops = new Uint8Array(values.length / classes);
  for (let pixel = 0; pixel < tops.length; pixel += 1) {
    let top = 0;
    for (let index = 1; index < classes; index += 1) {
      if (values[pixel * classes + index]! > values[pixel * classes + top]!) top = index;
    }
    tops[pixel] = top;
  }
  return tops;
}
