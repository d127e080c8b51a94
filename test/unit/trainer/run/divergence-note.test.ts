import { expect, test } from 'vitest';
import { divergenceNote } from '../../../../src/trainer/run/divergence-note.ts';

test('a run that ends with an exploded loss says so, whatever its epochs before', () => {
  expect(divergenceNote([{ loss: 218 }, { loss: 18_369_557 }, { loss: 95.2 }], 6)).toContain(
    'ended at 95.2, far above',
  );
});

test('a run that learns, or has made no epoch, has nothing to say', () => {
  expect(divergenceNote([{ loss: 218 }, { loss: 1.2 }], 6)).toBeNull();
  expect(divergenceNote([{ loss: 1.9 }, { loss: 4 }], 2)).toBeNull();
  expect(divergenceNote([], 2)).toBeNull();
});
