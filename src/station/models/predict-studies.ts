// A model on this site's own images: read by the model's own preprocessing on threads, predicted in batches, never kept.
import type { PredictedImage } from '../../contract/model.ts';
import type { Preprocessing } from '../../contract/preprocessing.ts';
import type { TrainerProcess } from '../../trainer/client.ts';
import { defaultPreprocessing } from '../cohorts/preprocess.ts';
import type { ExampleTask, FramePlace, ReadImage } from '../cohorts/shard-task.ts';
import type { ShardThreads } from '../cohorts/shard-threads.ts';
import type { Library, SelectedInstance } from '../library/library.ts';
import { mostImages } from './chosen-images.ts';
import { modelFaults } from './faults.ts';
import type { StoredModel } from './model-registry.ts';

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
  /** 0…1 at the network's size; null where none was asked for. */
  readonly heat: Float32Array | null;
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
  model: StoredModel,
  chosen: readonly SelectedInstance[],
  parts: PredictParts,
): Promise<Predictions> {
  const { library, trainer, reading, threads, turn, withHeat, signal, onProgress, onResult } = parts;
  if (chosen.length === 0) throw modelFaults.nothingChosen();
  const targets = targetsOf(model, chosen);
  if (targets.length > mostImages) throw modelFaults.tooMany(targets.length, mostImages);
  const chain = chainOf(model);
  const found: Predictions = { images: [], failures: [] };
  const tasks = exampleTasks(chain, library);
  const read = (start: number): ReturnType<ShardThreads['read']> => {
    const examples = targets.slice(start, start + batchSize).map(tasks);
    const reads = reading.read({ read: examples, chain, skipped: [] });
    // Whoever waits for it hears of it; after a cancel nobody does.
    reads.catch(() => {});
    return reads;
  };
  const ahead = new Map<number, ReturnType<typeof read>>();
  let workedMs = 0;
  for (let start = 0; start < targets.length; start += batchSize) {
    await turn(workedMs);
    signal.throwIfAborted();
    const began = performance.now();
    for (let next = start; next < targets.length && next <= start + batchesAhead * batchSize; next += batchSize)
      if (!ahead.has(next)) ahead.set(next, read(next));
    const images = await ahead.get(start)!;
    ahead.delete(start);
    const batch: { target: Target; image: ReadImage }[] = [];
    for (const [index, image] of images.entries()) {
      const target = targets[start + index]!;
      const { studyInstanceUID, sopInstanceUID } = target.instance;
      if ('reason' in image) found.failures.push({ studyInstanceUID, sopInstanceUID, reason: image.reason });
      else batch.push({ target, image });
    }
    signal.throwIfAborted();
    if (batch.length > 0) {
      const order = orderOf(model, joined(batch.map(({ image }) => image.image)), batch.length);
      const { probabilities, heat } = await trainer.predict(
        { ...order, threads, heatOf: withHeat ? -1 : null },
        { signal },
      );
      const [each, heatEach] = [probabilities.length / batch.length, (heat?.length ?? 0) / batch.length];
      for (const [at, { target, image }] of batch.entries()) {
        signal.throwIfAborted();
        const values = probabilities.subarray(at * each, (at + 1) * each);
        const predicted = predictedImage(model, target, values);
        found.images.push(predicted);
        await onResult({
          predicted,
          place: image.place,
          values,
          heat: heat?.subarray(at * heatEach, (at + 1) * heatEach) ?? null,
        });
      }
    }
    workedMs = performance.now() - began;
    onProgress({ done: Math.min(targets.length, start + batchSize), total: targets.length });
  }
  return found;
}

/** Every frame for a segmentation; for others the middle one stands for all, as in a cohort. */
function targetsOf({ model }: StoredModel, chosen: readonly SelectedInstance[]): Target[] {
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

/** One image as the network sees it. @throws Fault 243 with the reason where it cannot be read */
export async function readImage(
  model: StoredModel,
  sopInstanceUID: string,
  frame: number | null,
  { library, reading }: { library: Library; reading: ShardThreads },
): Promise<ReadImage> {
  const frames = library.instanceFile(sopInstanceUID)?.frames ?? 1;
  const shown = frame ?? Math.max(1, Math.ceil(frames / 2));
  const task = exampleTasks(chainOf(model), library)({ instance: { sopInstanceUID, frames }, frame: shown });
  const [image] = await reading.read({ read: [task], chain: chainOf(model), skipped: [] });
  if (image === undefined || 'reason' in image) throw modelFaults.imageUnreadable(image?.reason ?? 'it is gone.');
  return image;
}

/** The job of one batch, without threads. */
export function orderOf({ model, definition, weightsFile }: StoredModel, images: Uint16Array, count: number) {
  const { mean, standardDeviation } = model.input ?? { mean: 0, standardDeviation: 1 };
  const classes = model.classes.length;
  return {
    job: 'predict',
    network: definition,
    weightsFile,
    classes,
    images: images as Uint16Array<ArrayBuffer>,
    count,
    mean,
    standardDeviation,
  } as const;
}

export function chainOf({ model, definition }: StoredModel): Preprocessing {
  return model.input?.preprocessing ?? defaultPreprocessing(model.task, definition.input, null);
}

function joined(images: readonly Uint16Array[]): Uint16Array {
  const all = new Uint16Array(images.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const image of images) {
    all.set(image, at);
    at += image.length;
  }
  return all;
}

/** The labels at or above their thresholds, one half where none was chosen. */
function present({ classes, operatingPoint }: StoredModel['model'], probabilities: readonly number[]): string {
  const found = classes.filter((_, label) => probabilities[label]! >= (operatingPoint?.thresholds[label] ?? 0.5));
  return found.length > 0 ? found.join(', ') : 'none';
}

function predictedImage({ model }: StoredModel, { instance, frame }: Target, values: Float32Array): PredictedImage {
  const { studyInstanceUID, seriesInstanceUID, sopInstanceUID } = instance;
  const { classes, task } = model;
  const shares = task === 'segmentation' ? areas(values, classes.length) : [...values];
  const shown =
    task === 'segmentation' && shares.slice(1).some((share) => share > 0) ? [-1, ...shares.slice(1)] : shares;
  const top = shown.indexOf(Math.max(...shown));
  const answer = task === 'multi-label' ? present(model, shares) : (classes[top] ?? '');
  return { studyInstanceUID, seriesInstanceUID, sopInstanceUID, frame, class: answer, probabilities: shares };
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
