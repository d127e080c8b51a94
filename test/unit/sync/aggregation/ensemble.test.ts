import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { softVote } from '../../../../src/contract/soft-vote.ts';
import { type Candidate, selectEnsemble } from '../../../../src/sync/aggregation/ensemble.ts';
import { seededRandom } from '../../../../src/sync/aggregation/seeded-random.ts';

const classes = 3;
const examples = 90;
const labels = Int32Array.from({ length: examples }, (_, example) => example % classes);

function accuracy(probabilities: Float32Array): number {
  let right = 0;
  for (let example = 0; example < examples; example += 1) {
    const row = probabilities.subarray(example * classes, (example + 1) * classes);
    if (row.indexOf(Math.max(...row)) === labels[example]) right += 1;
  }
  return right / examples;
}

/** A model that is sure of the classes it knows and guesses on the others. */
function specialist(id: string, knows: readonly number[], seed: number): Candidate {
  const random = seededRandom(seed);
  const probabilities = new Float32Array(examples * classes);
  for (let example = 0; example < examples; example += 1) {
    const truth = labels[example]!;
    const row = Array.from({ length: classes }, () => random());
    if (knows.includes(truth)) row[truth]! += 4;
    const sum = row.reduce((a, b) => a + b);
    row.forEach((value, index) => (probabilities[example * classes + index] = value / sum));
  }
  return { id, probabilities };
}

const select = (candidates: readonly Candidate[], seed = 7) =>
  selectEnsemble({ candidates, examples, classes, seed, score: accuracy });

describe('ensemble selection', () => {
  const bench = [specialist('lyon', [0], 1), specialist('oslo', [1], 2), specialist('quito', [2], 3)];

  it('puts specialists of different classes together and gains from it', () => {
    const chosen = select(bench);
    expect(chosen.ids.length).toBeGreaterThan(1);
    expect(chosen.score).toBeGreaterThan(Math.max(...bench.map(({ probabilities }) => accuracy(probabilities))));
  });

  it('climbs from the best single model to one that no single exchange improves', () => {
    const crowd = [...bench, specialist('novi-sad', [0, 1], 4), specialist('perth', [], 5)];
    const chosen = selectEnsemble({
      candidates: crowd,
      examples,
      classes,
      seed: 7,
      method: 'hill-climbing',
      score: accuracy,
    });
    const reached = (ids: readonly string[]): number =>
      accuracy(softVote(crowd.filter(({ id }) => ids.includes(id)).map(({ probabilities }) => probabilities)));
    expect(chosen.score).toBe(reached(chosen.ids));
    expect(chosen.score).toBeGreaterThan(Math.max(...crowd.map(({ id }) => reached([id]))));
    const others = crowd.map(({ id }) => id).filter((id) => !chosen.ids.includes(id));
    const neighbours = [
      ...others.map((coming) => [...chosen.ids, coming]),
      ...chosen.ids.flatMap((leaving) =>
        others.map((coming) => [...chosen.ids.filter((id) => id !== leaving), coming]),
      ),
      ...chosen.ids.map((leaving) => chosen.ids.filter((id) => id !== leaving)),
    ].filter((ids) => ids.length > 0);
    expect(Math.max(...neighbours.map(reached))).toBeLessThanOrEqual(chosen.score);
  });

  it('reports the score that its members reach by soft vote', () => {
    const chosen = select(bench);
    const members = bench.filter(({ id }) => chosen.ids.includes(id));
    expect(accuracy(softVote(members.map(({ probabilities }) => probabilities)))).toBe(chosen.score);
  });

  it('never scores below the best single candidate', () => {
    const candidate = fc.record({ knows: fc.subarray([0, 1, 2]), seed: fc.nat(1e6) });
    fc.assert(
      fc.property(fc.array(candidate, { minLength: 1, maxLength: 8 }), fc.nat(1e6), (specs, seed) => {
        const candidates = specs.map((spec, index) => specialist(`site-${index}`, spec.knows, spec.seed));
        const best = Math.max(...candidates.map(({ probabilities }) => accuracy(probabilities)));
        expect(select(candidates, seed).score).toBeGreaterThanOrEqual(best);
      }),
      { numRuns: 30 },
    );
  });

  it('chooses the same members for the same seed', () => {
    const many = Array.from({ length: 12 }, (_, index) => specialist(`site-${index}`, [index % classes], index));
    expect(select(many, 11)).toEqual(select(many, 11));
  });

  it('takes one of several equal candidates rather than all of them', () => {
    const same = ['lyon', 'oslo', 'quito'].map((id) => ({ ...specialist(id, [0, 1], 5), id }));
    expect(select(same).ids).toEqual(['lyon']);
  });

  it('leaves a candidate out whose score cannot be computed', () => {
    const broken = { id: 'broken', probabilities: new Float32Array(examples * classes).fill(Number.NaN) };
    const score = (probabilities: Float32Array) =>
      probabilities.some(Number.isNaN) ? Number.NaN : accuracy(probabilities);
    const chosen = selectEnsemble({ candidates: [broken, ...bench], examples, classes, seed: 1, score });
    expect(chosen.ids).not.toContain('broken');
  });

  it('refuses predictions of another number than the labels', () => {
    expect(() => select([{ id: 'short', probabilities: new Float32Array(5) }])).toThrow(RangeError);
  });
});

describe('soft vote', () => {
  it('is the mean of the probabilities', () => {
    const vote = softVote([Float32Array.of(1, 0), Float32Array.of(0.5, 0.5)]);
    expect([...vote]).toEqual([0.75, 0.25]);
  });

  it('of a single model is that model', () => {
    expect([...softVote([Float32Array.of(0.25, 0.75)])]).toEqual([0.25, 0.75]);
  });
});
