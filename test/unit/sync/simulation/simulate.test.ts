import { describe, expect, test } from 'vitest';
import { type CombinationRule, trunkRuleSchema } from '../../../../src/contract/federation.ts';
import { type RuleProgress, simulate, type SimulationOptions } from '../../../../src/sync/simulation/simulate.ts';

const options: SimulationOptions = {
  sites: 8,
  slowest: 20,
  trunkRule: trunkRuleSchema.parse({ bufferSize: 2 }),
  lying: 0,
  dropRate: 0,
  secondsPerUpdate: 10,
  seed: 1,
};

describe('the simulation of rules on a virtual clock', () => {
  test('the same options give the same result', async () => {
    expect(await simulate(options)).toEqual(await simulate(options));
  });

  test('it says how far it is: what it looks for, each rule’s commits, and what they are to reach', async () => {
    const told: RuleProgress[] = [];
    const { asynchronous, synchronous, targetLoss } = await simulate({
      ...options,
      onProgress: (one) => told.push(one),
    });
    const [looking, ...rules] = [
      told.filter((one) => one.targetLoss === null),
      ...['asynchronous', 'synchronous'].map((rule) =>
        told.filter((one) => one.targetLoss === targetLoss && one.rule === rule),
      ),
    ];
    expect(looking.at(-1)).toMatchObject({ updates: 480, mostUpdates: 480 });
    for (const [index, { commits, updates, secondsToTarget }] of [asynchronous, synchronous].entries()) {
      expect(rules[index]!.map((one) => one.commits)).toEqual(Array.from({ length: commits }, (_, nth) => nth + 1));
      expect(rules[index]!.at(-1)).toMatchObject({ updates, seconds: secondsToTarget, mostUpdates: 3_200 });
    }
  });

  test('asynchronous commits reach the target sooner when one site is 20 times slower', async () => {
    const { asynchronous, synchronous, speedup } = await simulate(options);
    expect(asynchronous.secondsToTarget).not.toBeNull();
    expect(synchronous.secondsToTarget).not.toBeNull();
    expect(speedup).toBeGreaterThan(5);
  });

  test('with a buffer of all sites both rules are the same one', async () => {
    const { asynchronous, synchronous } = await simulate({
      ...options,
      trunkRule: trunkRuleSchema.parse({ bufferSize: 8 }),
    });
    expect(asynchronous).toEqual(synchronous);
  });

  test('synchronous rounds never see a stale update', async () => {
    expect((await simulate(options)).synchronous.meanStaleness).toBe(0);
  });

  test('lost updates are counted and do not stop either rule', async () => {
    const { asynchronous, synchronous } = await simulate({ ...options, dropRate: 0.3 });
    expect(asynchronous.dropped + synchronous.dropped).toBeGreaterThan(0);
    expect(asynchronous.secondsToTarget).not.toBeNull();
    expect(synchronous.secondsToTarget).not.toBeNull();
  });

  describe('where two of ten sites send the negated, fourfold update', () => {
    const withLiars = (combination: CombinationRule) =>
      simulate({
        ...options,
        sites: 10,
        lying: 2,
        trunkRule: trunkRuleSchema.parse({ bufferSize: 8, combination, staleness: { kind: 'constant' } }),
      });

    test('the mean is lied apart: it ends far worse than it began', async () => {
      const { asynchronous, synchronous, initialLoss } = await withLiars({ kind: 'mean', of: 'updates' });
      for (const { secondsToTarget, finalLoss } of [asynchronous, synchronous]) {
        expect(secondsToTarget).toBeNull();
        expect(finalLoss).toBeGreaterThan(10 * initialLoss);
      }
    });

    test.each<CombinationRule>([
      { kind: 'median' },
      { kind: 'trimmed-mean', trimShare: 0.3 },
      { kind: 'krum', byzantine: 2, kept: 5 },
    ])('$kind learns all the same: at least four fifths of the way to what honest sites reach', async (combination) => {
      const { asynchronous, synchronous, initialLoss, targetLoss } = await withLiars(combination);
      for (const { finalLoss } of [asynchronous, synchronous]) {
        expect(finalLoss).toBeLessThan(initialLoss - 0.8 * (initialLoss - targetLoss));
      }
    });
  });

  test('a commit of the mean may hold more updates than there are sites', async () => {
    const { asynchronous } = await simulate({ ...options, trunkRule: trunkRuleSchema.parse({ bufferSize: 12 }) });
    expect(asynchronous.secondsToTarget).not.toBeNull();
    expect(asynchronous.updates).toBe(12 * asynchronous.commits);
  });

  test('a rule that cannot keep its promise with so many sites is refused with the reason', async () => {
    const trunkRule = trunkRuleSchema.parse({
      bufferSize: 4,
      staleness: { kind: 'constant' },
      combination: { kind: 'krum', byzantine: 1 },
    });
    await expect(simulate({ ...options, trunkRule })).rejects.toThrow(
      /Krum stands 1 lying sites among 5 or more, not among 4/,
    );
  });
});
