import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ServerOptimizer } from '../../../../src/contract/federation.ts';
import { clipUpdate } from '../../../../src/sync/aggregation/clip-update.ts';
import { openCommit } from '../../../../src/sync/aggregation/trunk-commit.ts';
import { decodeWeights, encodeWeights, type Weights } from '../../../../src/sync/aggregation/weights.ts';
import { commitRule, flat, normOf, updateValues, weightsOf } from './situations.ts';

const statistics = new Set(['dense/bias']);

function commit(base: Weights, update: Weights, serverOptimizer: ServerOptimizer, state: Weights | null, rate = 0.01) {
  const rule = commitRule({ serverOptimizer, serverLearningRate: rate });
  const contribution = { id: 'one', site: 'lyon', examples: 5, stalenessCommits: 0 };
  const open = openCommit({ base, contributions: [contribution], rule, statistics, optimizerState: state });
  open.add('one', update);
  return open.finish();
}

describe('the server’s optimiser', () => {
  const updates = [
    [0.5, -0.25, 8],
    [0.25, 0.125, -4],
    [-1, 2, 0.5],
  ].map(weightsOf);

  it.each<Exclude<ServerOptimizer, { kind: 'sgd' }>>([
    { kind: 'adam', beta1: 0.9, beta2: 0.99, tau: 1e-3 },
    { kind: 'yogi', beta1: 0.9, beta2: 0.99, tau: 1e-3 },
    { kind: 'yogi', beta1: 0.5, beta2: 0.1, tau: 0.1 },
  ])('$kind follows the algorithm of Reddi et al., written out here in doubles', (optimizer) => {
    const { kind, beta1, beta2, tau } = optimizer;
    let trunk = weightsOf([1, -1, 0]);
    let state: Weights | null = null;
    const expected = [1, -1];
    const m = [0, 0];
    const v = [tau ** 2, tau ** 2];
    for (const update of updates) {
      const { weights, optimizerState } = commit(trunk, update, optimizer, state);
      [trunk, state] = [weights, optimizerState];
      const change = flat(update);
      for (const index of [0, 1]) {
        const d = change[index]!;
        m[index] = beta1 * m[index]! + (1 - beta1) * d;
        const v0 = v[index]!;
        v[index] =
          kind === 'adam' ? beta2 * v0 + (1 - beta2) * d * d : v0 - (1 - beta2) * d * d * Math.sign(v0 - d * d);
        expected[index]! += (0.01 * m[index]!) / (Math.sqrt(v[index]!) + tau);
      }
      expected.forEach((value, index) => expect(flat(trunk)[index]).toBeCloseTo(value, 6));
    }
  });

  it('adam with β₁ = β₂ = 0 moves each weight by η Δ / (|Δ| + τ), and yogi with β₁ = 0 and β₂ next to 1 by η Δ / 2τ', () => {
    fc.assert(
      fc.property(updateValues, (values) => {
        const zero = weightsOf(new Float32Array(9));
        const update = weightsOf(values);
        const adam = commit(zero, update, { kind: 'adam', beta1: 0, beta2: 0, tau: 0.001 }, null);
        const yogi = commit(zero, update, { kind: 'yogi', beta1: 0, beta2: 1 - 2 ** -53, tau: 0.5 }, null);
        flat(update)
          .slice(0, -1)
          .forEach((d, index) => {
            expect(flat(adam.weights)[index]).toBeCloseTo((0.01 * d) / (Math.abs(d) + 0.001), 7);
            expect(flat(yogi.weights)[index]).toBeCloseTo(0.01 * d, 5);
          });
      }),
      { numRuns: 50 },
    );
  });

  it.each<ServerOptimizer>([
    { kind: 'sgd', momentum: 0.9 },
    { kind: 'adam', beta1: 0.9, beta2: 0.99, tau: 1e-3 },
    { kind: 'yogi', beta1: 0.9, beta2: 0.99, tau: 1e-3 },
  ])('$kind never touches statistics: they move by the combination itself, whatever the learning rate', (optimizer) => {
    let trunk = weightsOf([0, 0, 0]);
    let state: Weights | null = null;
    for (const update of updates) {
      const { weights, optimizerState } = commit(trunk, update, optimizer, state, 0.5);
      [trunk, state] = [weights, optimizerState];
    }
    expect(flat(trunk)[2]).toBe(8 - 4 + 0.5);
    expect([...state!.keys()].some((name) => name.endsWith('dense/bias'))).toBe(false);
  });

  it.each<ServerOptimizer>([
    { kind: 'sgd', momentum: 0.9 },
    { kind: 'adam', beta1: 0.9, beta2: 0.99, tau: 1e-3 },
    { kind: 'yogi', beta1: 0.9, beta2: 0.99, tau: 1e-3 },
  ])('$kind goes on to the same bits from its state on the disk', (optimizer) => {
    fc.assert(
      fc.property(updateValues, updateValues, (one, two) => {
        const first = commit(weightsOf(new Float32Array(9)), weightsOf(one), optimizer, null);
        const second = commit(first.weights, weightsOf(two), optimizer, first.optimizerState);
        const read = decodeWeights(encodeWeights(first.optimizerState!));
        const again = commit(first.weights, weightsOf(two), optimizer, read);
        expect(encodeWeights(again.weights)).toEqual(encodeWeights(second.weights));
        expect(encodeWeights(again.optimizerState!)).toEqual(encodeWeights(second.optimizerState!));
      }),
      { numRuns: 30 },
    );
  });
});

describe('clipping', () => {
  it('scales the trained weights of a longer update to the norm, together, and leaves the statistics as they are', () => {
    const clipped = clipUpdate(weightsOf([3, 4, 100]), 1, statistics);
    expect(flat(clipped)).toEqual([Math.fround(0.6), Math.fround(0.8), 100]);
  });

  it('gives back a shorter update as it was', () => {
    const update = weightsOf([3, 4, 100]);
    expect(clipUpdate(update, 5, statistics)).toBe(update);
  });

  it('bounds how far one site moves the trunk, however it lies', () => {
    fc.assert(
      fc.property(updateValues, fc.float({ min: Math.fround(0.01), max: 10, noNaN: true }), (values, clipNorm) => {
        const base = weightsOf(new Float32Array(9));
        const contribution = { id: 'liar', site: 'liar', examples: 1_000_000, stalenessCommits: 0 };
        const open = openCommit({ base, contributions: [contribution], rule: commitRule({ clipNorm }) });
        open.add('liar', weightsOf(values));
        expect(normOf(open.finish().weights)).toBeLessThanOrEqual(clipNorm * (1 + 1e-5));
      }),
    );
  });
});
