// Progress of a run: at most once per second, and at once when its state changes.
import type { TrainProgress } from '../../contract/training.ts';

const intervalMs = 1_000;
/** Losses told in one report; of more steps in a second, the newest. */
const maxLosses = 500;
/** The pace that is told is that of the last steps of so many milliseconds, and of the last step at least. */
const paceWindowMs = 10_000;

interface Moment {
  readonly state: TrainProgress['state'];
  /** Complete epochs, and steps made in all. */
  readonly position: { readonly epoch: number; readonly steps: number };
  readonly waitsFor?: string | null;
}

export interface DoneStep {
  readonly loss: number;
  readonly images: number;
  /** The whole time of the step, idling included. */
  readonly milliseconds: number;
  /** Of that, what the engine waited for images. */
  readonly dataWaitMs: number;
  readonly learningRate: number;
}

export interface ProgressReporter {
  /** Names the device of the reports from now on. */
  begin(session: { readonly provider: string }): void;
  stepDone(step: DoneStep): void;
  /** Measuring begins. Told at once where the last one took long, and at the end of the run: short ones between steps would
   * hide the steps. */
  measuring(moment: Omit<Moment, 'state'>, isLast: boolean): void;
  /** Told once a second while it goes on. */
  measuredSoFar(measured: { images: number; of: number }): void;
  /** What measuring after an epoch took, for the time left. */
  measured(milliseconds: number): void;
  /** `isNews` reports whatever the time of the last report. */
  report(moment: Moment, isNews: boolean): void;
  /** Over the steps made since this process took the run up; 0 before the first. */
  imagesPerSecond(): number;
  /** Of the same steps. */
  slowestStepMs(): number;
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
  let learningRate = 0;
  let recentLosses: number[] = [];
  let recent: { images: number; milliseconds: number }[] = [];
  let recentMs = 0;
  let images = 0;
  let trainedMs = 0;
  let dataWaitMs = 0;
  let slowestMs = 0;
  let measuringMs: number | null = null;
  let measuringMoment: Omit<Moment, 'state'> | null = null;
  let measuringFrom = 0;
  let measured: { images: number; of: number } | null = null;
  let lastAt = 0;
  const pace = (): number => {
    const count = recent.reduce((sum, step) => sum + step.images, 0);
    return recentMs > 0 ? (count * 1_000) / recentMs : 0;
  };
  const reporter: ProgressReporter = {
    begin(opened) {
      session = opened;
    },
    stepDone(step) {
      ({ loss, learningRate } = step);
      recentLosses.push(loss);
      images += step.images;
      trainedMs += step.milliseconds;
      slowestMs = Math.max(slowestMs, step.milliseconds);
      dataWaitMs += step.dataWaitMs;
      recent.push(step);
      recentMs += step.milliseconds;
      while (recent.length > 1 && recentMs - recent[0]!.milliseconds >= paceWindowMs) {
        recentMs -= recent.shift()!.milliseconds;
      }
    },
    measuring(moment, isLast) {
      measuringMoment = moment;
      measuringFrom = performance.now();
      const isLong = measuringMs === null || measuringMs >= intervalMs;
      reporter.report({ ...moment, state: 'evaluating' }, isLast || isLong);
    },
    measuredSoFar(told) {
      measured = told;
      // Short ones between steps would hide the steps.
      if (measuringMoment !== null && performance.now() - measuringFrom >= intervalMs)
        reporter.report({ ...measuringMoment, state: 'evaluating' }, false);
    },
    measured(milliseconds) {
      measuringMs = milliseconds;
      measuringMoment = null;
      measured = null;
    },
    report({ state, position, waitsFor = null }, isNews) {
      const now = performance.now();
      if (!isNews && now - lastAt < intervalMs) return;
      lastAt = now;
      const step = position.steps;
      const imagesLeft = (examples * epochs * (steps - step)) / steps;
      const measuringLeft = ((measuringMs ?? 0) / 1_000) * (epochs - Math.min(position.epoch, epochs));
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
        learningRate,
        imagesPerSecond: pace(),
        secondsLeft: pace() > 0 ? imagesLeft / pace() + measuringLeft : null,
        memoryBytes: process.memoryUsage.rss(),
        device: session?.provider ?? '',
        dataWaitShare: trainedMs > 0 ? Math.min(1, dataWaitMs / trainedMs) : 0,
        privacy: null,
        state,
        waitsFor,
        measured,
      });
    },
    slowestStepMs: () => slowestMs,
    imagesPerSecond: () => (trainedMs > 0 ? (images * 1_000) / trainedMs : 0),
  };
  return reporter;
}
