// Progress of a run: at most once per second, and at once when its state changes.
import type { TrainProgress } from '../../contract/training.ts';
import type { RunPosition } from './checkpoint.ts';

const intervalMs = 1_000;

interface Moment {
  readonly state: TrainProgress['state'];
  readonly position: Pick<RunPosition, 'epoch' | 'batch'>;
  readonly batchesPerEpoch: number;
}

export interface ProgressReporter {
  /** Names the device and starts the clock: compiling is not training. */
  begin(session: { readonly provider: string }): void;
  stepDone(step: { loss: number; images: number }): void;
  /** `isNews` reports whatever the time of the last report. */
  report(moment: Moment, isNews: boolean): void;
  /** Over the time in which this process trained; 0 before the first step. */
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
  let images = 0;
  let trainedMs = 0;
  let lastAt = 0;
  let trainingSince: number | null = null;
  const rate = (): number => (trainedMs > 0 ? (images * 1_000) / trainedMs : 0);
  const settle = (state: TrainProgress['state']): void => {
    const now = performance.now();
    if (trainingSince !== null) trainedMs += now - trainingSince;
    trainingSince = state === 'training' || state === 'preparing' ? now : null;
  };
  return {
    begin(opened) {
      session = opened;
      trainingSince = performance.now();
      trainedMs = 0;
    },
    stepDone(step) {
      loss = step.loss;
      images += step.images;
      settle('training');
    },
    report({ state, position, batchesPerEpoch }, isNews) {
      if (state !== 'training') settle(state);
      const now = performance.now();
      if (!isNews && now - lastAt < intervalMs) return;
      lastAt = now;
      const step = position.epoch * batchesPerEpoch + position.batch;
      const imagesLeft = (examples * (steps - step)) / batchesPerEpoch;
      onProgress({
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
