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
    reporter.stepDone({ loss, images: 1, milliseconds: 1 });
    reporter.report({ state: 'training', position: { epoch: 0, batch }, batchesPerEpoch: 4 }, isNews);
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
