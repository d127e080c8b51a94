import { describe, expect, it } from 'vitest';
import { trunkRuleSchema } from '../../../src/contract/federation.ts';
import { trunkRuleWords } from '../../../src/contract/trunk-rule-words.ts';

describe('a trunk rule in words', () => {
  it('tells the usual rule', () => {
    const words = trunkRuleWords(trunkRuleSchema.parse({ bufferSize: 1 }));
    expect(words).toEqual([
      'Updates are averaged; a site with more images counts for more, and a quick one more often.',
      'No update is clipped.',
      'An update that began from an older trunk has a smaller part in its commit. Updates more than 20 commits old are refused.',
      'The trunk moves by the combined update, step 1.',
    ]);
  });

  it.each([
    [{ combination: { kind: 'mean', of: 'sites' } }, 'a site with more images counts for more, however quick it is.'],
    [{ rounds: true }, 'a site with more images counts for more.'],
  ])('tells what a site counts with %j', (rule, words) => {
    expect(trunkRuleWords(trunkRuleSchema.parse({ bufferSize: 2, ...rule }))[0]).toBe(`Updates are averaged; ${words}`);
  });

  it('tells a robust one with clipping, an optimiser and a deadline', () => {
    const words = trunkRuleWords(
      trunkRuleSchema.parse({
        bufferSize: 4,
        combination: { kind: 'krum', byzantine: 1, kept: 2 },
        clipNorm: 2.5,
        maxUpdateNorm: 40,
        serverOptimizer: { kind: 'yogi' },
        serverLearningRate: 0.1,
        staleness: { kind: 'constant' },
        deadlineMs: 30_000,
        quorum: 2,
      }),
    ).join(' ');
    expect(words).toContain('Only the 2 updates that lie closest to the others are used; up to 1 may be wrong.');
    expect(words).toContain('longer than 2.5');
    expect(words).toContain('longer than 40 is refused');
    expect(words).toContain('counts like a fresh one');
    expect(words).toContain('Yogi');
    expect(words).toContain('After 30 s the trunk moves anyhow, if at least 2 updates have come.');
  });
});
