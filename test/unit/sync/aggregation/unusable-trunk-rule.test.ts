import { describe, expect, it } from 'vitest';
import { trunkRuleSchema } from '../../../../src/contract/federation.ts';
import { unusableTrunkRule } from '../../../../src/sync/aggregation/unusable-trunk-rule.ts';

const constant = { staleness: { kind: 'constant' } };
const reason = (rule: object): string | null =>
  unusableTrunkRule(trunkRuleSchema.parse({ bufferSize: 5, ...rule }))[0]?.reason ?? null;

describe('a trunk rule', () => {
  it('of an earlier project keeps its meaning: the exponent is the polynomial’s', () => {
    expect(trunkRuleSchema.parse({ bufferSize: 2, stalenessExponent: 1.5 })).toEqual(
      trunkRuleSchema.parse({ bufferSize: 2, staleness: { kind: 'polynomial', exponent: 1.5 } }),
    );
    expect(() => trunkRuleSchema.parse({ bufferSize: 2, stalenessExponent: 9 })).toThrow(/exponent/);
  });

  it('by default is the mean with shares by (1+τ)^-½ and plain steps', () => {
    expect(trunkRuleSchema.parse({ bufferSize: 2 })).toEqual({
      bufferSize: 2,
      staleness: { kind: 'polynomial', exponent: 0.5 },
      stalenessEffect: 'share',
      maxStalenessCommits: 20,
      combination: { kind: 'mean', of: 'updates' },
      clipNorm: null,
      maxUpdateNorm: null,
      serverLearningRate: 1,
      serverOptimizer: { kind: 'sgd', momentum: 0 },
      deadlineMs: null,
      quorum: 1,
      rounds: false,
    });
  });

  it.each([
    ['the default', {}],
    [
      'FedAsync',
      { bufferSize: 1, stalenessEffect: 'step', staleness: { kind: 'threshold', slope: 10, freeCommits: 4 } },
    ],
    ['adam with a small step', { serverOptimizer: { kind: 'adam' }, serverLearningRate: 0.01 }],
    ['a quorum of the whole buffer', { deadlineMs: 1_000, quorum: 5 }],
    ['a median with steps', { combination: { kind: 'median' }, stalenessEffect: 'step' }],
    ['a median of fresh updates', { combination: { kind: 'median' }, ...constant }],
    ['a trimmed mean', { combination: { kind: 'trimmed-mean', trimShare: 0.2 }, ...constant }],
    ['Krum', { combination: { kind: 'krum', byzantine: 1, kept: 4 }, ...constant }],
  ])('is usable: %s', (_, rule) => {
    expect(reason(rule)).toBeNull();
  });

  it.each([
    ['a median with shares', { combination: { kind: 'median' } }, /stalenessEffect to "step"/],
    ['a median of two', { bufferSize: 2, combination: { kind: 'median' }, ...constant }, /bufferSize to 3/],
    [
      'a trimmed mean of too few',
      { combination: { kind: 'trimmed-mean', trimShare: 0.1 }, ...constant },
      /bufferSize to 10/,
    ],
    [
      'a trimmed mean that trims nothing',
      { combination: { kind: 'trimmed-mean', trimShare: 0 }, ...constant },
      /use the mean/,
    ],
    ['Krum with too few', { combination: { kind: 'krum', byzantine: 2 }, ...constant }, /among 7 or more, not among 5/],
    [
      'Krum that keeps liars',
      { combination: { kind: 'krum', byzantine: 1, kept: 5 }, ...constant },
      /kept to 4 or less/,
    ],
    [
      'a quorum that is too small',
      { combination: { kind: 'krum', byzantine: 1 }, deadlineMs: 1_000, quorum: 4, ...constant },
      /trunkRule.quorum/,
    ],
    ['a quorum beyond the buffer', { deadlineMs: 1_000, quorum: 7 }, /after 5 updates.*quorum.*5 or less/],
    ['a median of very many', { bufferSize: 60, combination: { kind: 'median' }, ...constant }, /at most 50/],
    ['adam with a whole step', { serverOptimizer: { kind: 'adam' } }, /0\.01/],
  ])('is refused with what to do instead: %s', (_, rule, sentence) => {
    expect(reason(rule)).toMatch(sentence);
  });
});
