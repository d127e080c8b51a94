// Progress of a run: at most once per second, and at once when its state changes.
import type { TrainProgress } from '../../contract/training.ts';
import type { RunPosition } from './checkpoint.ts';

const intervalMs = 1_000;
/** Losses told in one report; of more steps in a second, the newest. */
const maxLosses = 500;

interface Moment {
  readonly state: TrainProgress['state'];
  readonly position: Pick<RunPosition, 'epoch' | 'batch'>;
  readonly batchesPerEpoch: number;
}

export interface ProgressReporter {
  /** Names the device of the reports from now on. */
  begin(session: { readonly provider: string }): void;
  /** `milliseconds` is the whole time of the step, idling included. */
  stepDone(step: { loss: number; images: number; milliseconds: number }): void;
  /** `isNews` reports whatever the time of the last report. */
  report(moment: Moment, isNews: boolean): void;
  /** Over the steps made since this process took the run up; 0 before the first. */
  imagesPerSecond(): number;
}

/** `step` and `steps` of the reports count over the whole run; `epoch` is the one in progress, from 1. */
export function progressReporter({
  onProgress,
  epochs,
  steps,
  examples,
}: {
  onProgress: (progress: TrainProgress) => void;
  epochs: number;
  steps: number;
  /** Images of one epoch. */
  examples: number;
}): ProgressReporter {
  let session: { readonly provider: string } | null = null;
  let loss = 0;
  let recentLosses: number[] = [];
  let images = 0;
  let trainedMs = 0;
  let lastAt = 0;
  const rate = (): number => (trainedMs > 0 ? (images * 1_000) / trainedMs : 0);
  return {
    begin(opened) {
      session = opened;
    },
    stepDone(step) {
      loss = step.loss;
      recentLosses.push(loss);
      images += step.images;
      trainedMs += step.milliseconds;
    },
    report({ state, position, batchesPerEpoch }, isNews) {
      const now = performance.now();
      if (!isNews && now - lastAt < intervalMs) return;
      lastAt = now;
      const step = position.epoch * batchesPerEpoch + position.batch;
      const imagesLeft = (examples * (steps - step)) / batchesPerEpoch;
      const first = step - recentLosses.length + 1;
      const losses = recentLosses.map((value, index): [number, number] => [first + index, value]).slice(-maxLosses);
      recentLosses = [];
      onProgress({
        losses,
        epoch: Math.min(position.epoch + 1, epochs),
        epochs,
        step,
        steps,
        loss,
        imagesPerSecond: rate(),
        secondsLeft: rate() > 0 ? imagesLeft / rate() : null,
        memoryBytes: process.memoryUsage.rss(),
        device: session?.provider ?? '',
        state,
      });
    },
    imagesPerSecond: rate,
  };
}
