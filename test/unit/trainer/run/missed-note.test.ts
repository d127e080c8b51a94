import { expect, test } from 'vitest';
import { metricsSchema } from '../../../../src/contract/metrics.ts';
import { missedNote } from '../../../../src/trainer/run/missed-note.ts';

const perClass = (dices: readonly (number | null)[]) =>
  metricsSchema.shape.perClass.parse(
    dices.map((dice, index) => ({
      name: ['background', 'head', 'tail'][index],
      examples: 4,
      sensitivity: null,
      specificity: null,
      auc: null,
      dice,
    })),
  );

test('classes of which a network draws nothing right are named, with the steps that it had', () => {
  const metrics = { task: 'segmentation', perClass: perClass([null, 0, 0.4]) } as const;
  expect(missedNote(metrics, 230)).toContain('finds nothing of “head” after 230 steps');
});

test('nothing is said of masks that meet, of what nobody could find, and of other tasks', () => {
  expect(missedNote({ task: 'segmentation', perClass: perClass([null, 0.1, null]) }, 230)).toBeNull();
  expect(missedNote({ task: 'classification', perClass: perClass([null, 0]) }, 230)).toBeNull();
  expect(missedNote(null, 0)).toBeNull();
});
