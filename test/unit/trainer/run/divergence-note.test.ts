import { expect, test } from 'vitest';
import { divergenceNote } from '../../../../src/trainer/run/divergence-note.ts';

const classification = { task: 'classification', classes: 6 } as const;

test('a run that ends with an exploded loss says so, whatever its epochs before', () => {
  const epochs = [{ loss: 218 }, { loss: 18_369_557 }, { loss: 95.2 }];
  expect(divergenceNote(epochs, { task: 'multi-label', classes: 6 })).toContain('ended at 95.2, far above');
  expect(divergenceNote([{ loss: 2.5 }, { loss: 9.7 }], classification)).toContain('ended at 9.70, far above');
});

test('a run that learns, or has made no epoch, has nothing to say', () => {
  expect(divergenceNote([{ loss: 218 }, { loss: 1.2 }], classification)).toBeNull();
  expect(divergenceNote([{ loss: 1.9 }, { loss: 4 }], { task: 'classification', classes: 2 })).toBeNull();
  expect(divergenceNote([{ loss: 9.7 }], { task: 'multi-label', classes: 6 })).toBeNull();
  expect(divergenceNote([], classification)).toBeNull();
});
