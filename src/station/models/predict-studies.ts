// A model on this site's own images: read by the model's own preprocessing, predicted in batches, never kept.
import { setImmediate } from 'node:timers/promises';
import type { PredictedImage } from '../../contract/model.ts';
import type { Preprocessing } from '../../contract/preprocessing.ts';
import type { TrainerProcess } from '../../trainer/client.ts';
import { exampleReader, type ExampleReader } from '../cohorts/example-reader.ts';
import { defaultPreprocessing } from '../cohorts/preprocess.ts';
import type { Library, SelectedInstance } from '../library/library.ts';
import { modelFaults } from './faults.ts';
import type { StoredModel } from './model-registry.ts';

/** Images in one message to the trainer. */
const batchSize = 16;
const mostImages = 50_000;

export interface Predictions {
  readonly images: PredictedImage[];
  readonly failures: { sopInstanceUID: string; reason: string }[];
}

export interface PredictParts {
  readonly library: Library;
  readonly trainer: TrainerProcess;
  readonly threads: number;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: { done: number; total: number }) => void;
}

/** @throws Fault 238 (nothing chosen), 239 (too many); what a single image cannot do is among the failures. */
export async function predictStudies(
  model: StoredModel,
  chosen: readonly SelectedInstance[],
  { library, trainer, threads, signal, onProgress }: PredictParts,
): Promise<Predictions> {
  if (chosen.length === 0) throw modelFaults.nothingChosen();
  if (chosen.length > mostImages) throw modelFaults.tooMany(chosen.length, mostImages);
  const reader = exampleReader();
  const found: Predictions = { images: [], failures: [] };
  let done = 0;
  for (let start = 0; start < chosen.length; start += batchSize) {
    const batch: { instance: SelectedInstance; image: Uint16Array }[] = [];
    for (const instance of chosen.slice(start, start + batchSize)) {
      // Other calls get their turn between two images.
      await setImmediate();
      signal.throwIfAborted();
      try {
        batch.push({ instance, image: await imageOf(model, instance.sopInstanceUID, null, library, reader) });
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        found.failures.push({ sopInstanceUID: instance.sopInstanceUID, reason });
      }
      done += 1;
    }
    if (batch.length > 0) {
      const images = joined(batch.map(({ image }) => image));
      const order = { ...orderOf(model, images, batch.length), threads };
      const { probabilities } = await trainer.predict(order, { signal });
      const each = probabilities.length / batch.length;
      batch.forEach(({ instance }, at) => {
        found.images.push(predicted(model, instance, probabilities.subarray(at * each, (at + 1) * each)));
      });
    }
    onProgress({ done, total: chosen.length });
  }
  return found;
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

/** The image as the network sees it. @throws Fault with the reason why it cannot be read */
export async function imageOf(
  model: StoredModel,
  sopInstanceUID: string,
  frame: number | null,
  library: Library,
  reader: ExampleReader,
): Promise<Uint16Array> {
  const chain = chainOf(model);
  const path = library.instanceFile(sopInstanceUID)?.path ?? '';
  const stack =
    chain.channelsAre === 'neighbouring-slices'
      ? library.stack(sopInstanceUID).map((place) => ({ path: place.path, frame: 1 }))
      : [];
  const isInStack = stack.some((place) => place.path === path);
  const task = { sopInstanceUID, path, frame, stack: isInStack ? stack : null, masks: [] };
  return (await reader.read(task, chain)).image;
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

function predicted({ model }: StoredModel, instance: SelectedInstance, values: Float32Array): PredictedImage {
  const { studyInstanceUID, seriesInstanceUID, sopInstanceUID } = instance;
  const { classes, task } = model;
  const shares = task === 'segmentation' ? areas(values, classes.length) : [...values];
  const shown =
    task === 'segmentation' && shares.slice(1).some((share) => share > 0) ? [-1, ...shares.slice(1)] : shares;
  const top = shown.indexOf(Math.max(...shown));
  return { studyInstanceUID, seriesInstanceUID, sopInstanceUID, class: classes[top] ?? '', probabilities: shares };
}

/** Share of the pixels that each class covers. */
function areas(values: Float32Array, classes: number): number[] {
  const counts = Array.from({ length: classes }, () => 0);
  const pixels = values.length / classes;
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    let top = 0;
    for (let index = 1; index < classes; index += 1) {
      if (values[pixel * classes + index]! > values[pixel * classes + top]!) top = index;
    }
    counts[top] = counts[top]! + 1;
  }
  return counts.map((count) => count / pixels);
}
