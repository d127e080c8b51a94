// Gossip's laws (findings 1.4, E4 and E5): the mean is conserved, differences shrink at the second eigenvalue, a partition heals.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { metropolisShare, mixed, neighboursOf, weightedMean } from '../../../../src/sync/aggregation/mixing.ts';
import { seededRandom } from '../../../../src/sync/aggregation/seeded-random.ts';
import type { Weights } from '../../../../src/sync/aggregation/weights.ts';

const weights = (...values: number[]): Weights =>
  new Map([['w', { shape: [values.length], values: Float32Array.from(values) }]]);
const valueOf = (one: Weights): number => one.get('w')!.values[0]!;
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const spread = (values: readonly number[]): number =>
  Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)));
const roster = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `site-${String(index).padStart(3, '0')}`);

/** One round in which each mixes with all of its neighbours at once. */
function round(
  state: ReadonlyMap<string, Weights>,
  neighbours: (site: string) => readonly string[],
): Map<string, Weights> {
  return new Map(
    [...state].map(([site, own]) => {
      const others = neighbours(site).map((other) => ({
        weights: state.get(other)!,
        share: metropolisShare(neighbours(site).length, neighbours(other).length),
      }));
      return [site, mixed(own, others)];
    }),
  );
}

describe('the mesh', () => {
  it('is one that both ends of each edge work out alike, whatever order they know the roster in', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 12 }), (count, degree) => {
        const all = roster(count);
        for (const site of all) {
          const own = neighboursOf([...all].reverse(), site, degree);
          expect(own).not.toContain(site);
          expect(new Set(own).size).toBe(own.length);
          for (const other of own) expect(neighboursOf(all, other, degree)).toContain(site);
        }
      }),
    );
  });
});

describe('synchronous gossip', () => {
  it('on a ring of 16 conserves the mean and contracts at λ2 = 1/3 + 2/3 cos(2π/16)', () => {
    const all = roster(16);
    // The slowest mode of the ring: nothing else can shrink more slowly.
    let state = new Map(all.map((site, index) => [site, weights(100 * Math.cos((2 * Math.PI * index) / 16) + 7)]));
    const neighbours = (site: string): string[] => neighboursOf(all, site, 2);
    const eigenvalue = 1 / 3 + (2 / 3) * Math.cos((2 * Math.PI) / 16);
    for (let step = 0; step < 30; step += 1) {
      const before = [...state.values()].map(valueOf);
      state = round(state, neighbours);
      const after = [...state.values()].map(valueOf);
      expect(mean(after)).toBeCloseTo(7, 4);
      expect(spread(after) / spread(before)).toBeCloseTo(eigenvalue, 5);
    }
  });

  it('conserves the mean on any connected mesh, and ends in agreement', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 12 }),
        fc.integer({ min: 2, max: 6 }),
        fc.integer(),
        (count, degree, seed) => {
          const all = roster(count);
          const random = seededRandom(seed >>> 0);
          let state = new Map(all.map((site) => [site, weights(random() * 20 - 10)]));
          const before = mean([...state.values()].map(valueOf));
          for (let step = 0; step < 400; step += 1) state = round(state, (site) => neighboursOf(all, site, degree));
          const after = [...state.values()].map(valueOf);
          expect(mean(after)).toBeCloseTo(before, 4);
          expect(spread(after)).toBeLessThan(1e-4);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('partitioned, each part agrees on its own mean; healed, all agree on that of all', () => {
    const all = roster(8);
    let state = new Map(all.map((site, index) => [site, weights(index)]));
    const halves = [all.slice(0, 4), all.slice(4)];
    const within = (site: string): string[] =>
      neighboursOf(
        halves.find((half) => half.includes(site))!,
        site,
        2,
      );
    for (let step = 0; step < 200; step += 1) state = round(state, within);
    expect(halves.map((half) => half.map((site) => valueOf(state.get(site)!)))).toEqual([half(1.5), half(5.5)]);
    for (let step = 0; step < 300; step += 1) state = round(state, (site) => neighboursOf(all, site, 2));
    for (const value of [...state.values()].map(valueOf)) expect(value).toBeCloseTo(3.5, 4);
  });
});

const half = (value: number) => Array.from({ length: 4 }, () => expect.closeTo(value, 4));

describe('pairwise gossip', () => {
  it('of random pairs: the expected variance shrinks by 1 − 1/(n−1) with each meeting', () => {
    const [count, meetings, repetitions] = [16, 40, 400];
    const random = seededRandom(3);
    let total = 0;
    for (let repetition = 0; repetition < repetitions; repetition += 1) {
      const state = Array.from({ length: count }, () => weights(random() * 2 - 1));
      const before = spread(state.map(valueOf)) ** 2;
      const middle = mean(state.map(valueOf));
      for (let meeting = 0; meeting < meetings; meeting += 1) {
        const a = Math.floor(random() * count);
        const b = (a + 1 + Math.floor(random() * (count - 1))) % count;
        const [one, other] = [state[a]!, state[b]!];
        state[a] = mixed(one, [{ weights: other, share: 0.5 }]);
        state[b] = mixed(other, [{ weights: one, share: 0.5 }]);
      }
      expect(mean(state.map(valueOf))).toBeCloseTo(middle, 5);
      total += spread(state.map(valueOf)) ** 2 / before;
    }
    const expected = (1 - 1 / (count - 1)) ** meetings;
    expect(total / repetitions / expected).toBeGreaterThan(0.9);
    expect(total / repetitions / expected).toBeLessThan(1.1);
  });
});

describe('mixing', () => {
  it('shows the order of the others in no bit, keeps the own without any, and refuses shares beyond one', () => {
    const others = [0.3, 0.1, 0.25].map((share, index) => ({ weights: weights(index * 1.7 + 0.1, -index), share }));
    const own = weights(0.4, 9.1);
    expect(mixed(own, others)).toEqual(mixed(own, [...others].reverse()));
    expect(mixed(own, [])).toEqual(own);
    expect(() => mixed(own, [{ weights: own, share: 1.2 }])).toThrow(RangeError);
  });

  it('the mean by examples is that of the pooled sites', () => {
    const parts = [
      { weights: weights(1, 2), examples: 30 },
      { weights: weights(4, 8), examples: 10 },
    ];
    expect([...weightedMean(parts).get('w')!.values]).toEqual([1.75, 3.5]);
    expect(weightedMean(parts)).toEqual(weightedMean([...parts].reverse()));
    expect(() => weightedMean([])).toThrow(RangeError);
  });
});
