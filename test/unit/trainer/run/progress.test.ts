import { expect, test } from 'vitest';
import type { TrainProgress } from '../../../../src/contract/training.ts';
import { progressReporter } from '../../../../src/trainer/run/progress.ts';

test('every step’s loss is told once, with its step, however seldom reports come', () => {
  const told: TrainProgress[] = [];
  const reporter = progressReporter({
    onProgress: (progress) => told.push(progress),
    epochs: 2,
    steps: 8,
    examples: 4,
  });
  const step = (batch: number, loss: number, isNews: boolean): void => {
    reporter.stepDone({ loss, images: 1, milliseconds: 1, dataWaitMs: 0, learningRate: 0.1 });
    reporter.report({ state: 'training', position: { epoch: 0, steps: batch } }, isNews);
  };
  step(1, 0.9, true);
  step(2, 0.8, false);
  step(3, 0.7, false);
  step(4, 0.6, true);
  expect(told.flatMap(({ losses }) => losses)).toEqual([
    [1, 0.9],
    [2, 0.8],
    [3, 0.7],
    [4, 0.6],
  ]);
});

test('a report tells the pace of the last seconds, the share spent waiting for images, and validation in the time left', () => {
  const told: TrainProgress[] = [];
  const reporter = progressReporter({
    onProgress: (progress) => told.push(progress),
    epochs: 2,
    steps: 8,
    examples: 4,
  });
  // Ten slow seconds, then ten quick ones: the slow ones no longer count.
  reporter.stepDone({ loss: 1, images: 1, milliseconds: 10_000, dataWaitMs: 0, learningRate: 0.1 });
  for (let step = 0; step < 5; step += 1) {
    reporter.stepDone({ loss: 1, images: 4, milliseconds: 2_000, dataWaitMs: 500, learningRate: 0.05 });
  }
  reporter.measured(3_000);
  reporter.report({ state: 'training', position: { epoch: 1, steps: 6 } }, true);
  expect(told[0]).toMatchObject({ imagesPerSecond: 2, learningRate: 0.05, dataWaitShare: 0.125, secondsLeft: 4 });
  expect(reporter.imagesPerSecond()).toBeCloseTo(21 / 20, 9);
});

test('measuring that takes no time between short epochs does not hide the steps', () => {
  const told: TrainProgress[] = [];
  const reporter = progressReporter({
    onProgress: (progress) => told.push(progress),
    epochs: 9,
    steps: 9,
    examples: 1,
  });
  const measure = (epoch: number, milliseconds: number, isLast = false): void => {
    reporter.measuring({ position: { epoch, steps: epoch + 1 } }, isLast);
    reporter.measured(milliseconds);
  };
  measure(0, 20);
  measure(1, 20);
  measure(2, 5_000);
  measure(3, 20);
  measure(4, 20);
  measure(5, 20, true);
  expect(told.map(({ epoch }) => epoch)).toEqual([1, 4, 6]);
});
