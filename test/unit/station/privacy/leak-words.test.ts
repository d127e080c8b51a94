import { expect, test } from 'vitest';
import type { LeakProbe } from '../../../../src/contract/leak-probe.ts';
import { leakSentence } from '../../../../src/station/privacy/leak-words.ts';

test('a likeness below that of nothing in common is told as 0', () => {
  const pairs = [{ similarity: -0.013, rank: 3, others: 9 }] as unknown as LeakProbe['pairs'];
  const sentence = leakSentence({ pairs, isRecognised: false } as unknown as LeakProbe, {
    privacy: null,
    maskedSites: null,
  });
  expect(sentence).toContain('like its image to 0.00 only');
});
