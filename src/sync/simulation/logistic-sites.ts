// The learning task of the simulation: logistic regression on generated data whose sites differ in size, class mix and shift.
// Small enough that a thousand sites fit, real enough that a wrong aggregation does not converge.
import { seededRandom } from '../aggregation/seeded-random.ts';
import type { Weights } from '../aggregation/weights.ts';

const features = 16;
/** Distance of the two classes' means in standard deviations. */
const classDistance = 2.2;
/** How far a site's features are shifted as a whole. */
const siteShift = 0.6;
const localSteps = 8;
const learningRate = 0.1;
const smallestSite = 40;
const largestSite = 240;
const testExamples = 2_000;

export interface Examples {
  readonly count: number;
  /** Row-major [count, features]. */
  readonly values: Float64Array;
  /** 0 or 1. */
  readonly labels: Uint8Array;
}

export interface LogisticTask {
  readonly sites: readonly Examples[];
  /** Balanced, without any site's shift. */
  readonly test: Examples;
  readonly initial: Weights;
}

/** The task for a number of sites; the same seed gives the same task. */
export function logisticTask(siteCount: number, seed: number): LogisticTask {
  const random = seededRandom(seed);
  const gaussian = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const direction = Array.from({ length: features }, gaussian);
  const length = Math.hypot(...direction);
  const examplesOf = (count: number, positiveShare: number, shift: readonly number[]): Examples => {
    const values = new Float64Array(count * features);
    const labels = new Uint8Array(count);
    for (let row = 0; row < count; row += 1) {
      const label = random() < positiveShare ? 1 : 0;
      labels[row] = label;
      for (let column = 0; column < features; column += 1) {
        const mean = ((label - 0.5) * classDistance * (direction[column] ?? 0)) / length;
        values[row * features + column] = mean + (shift[column] ?? 0) + gaussian();
      }
    }
    return { count, values, labels };
  };
  const sites = Array.from({ length: siteCount }, () => {
    const count = Math.round(smallestSite + random() * (largestSite - smallestSite));
    const shift = Array.from({ length: features }, () => siteShift * gaussian());
    return examplesOf(count, 0.1 + 0.8 * random(), shift);
  });
  const initial: Weights = new Map([['weights', { shape: [features + 1], values: new Float32Array(features + 1) }]]);
  return { sites, test: examplesOf(testExamples, 0.5, []), initial };
}

/** Full-batch local steps from the base: what a site's training does, in small. */
export function trainLocally(base: Weights, examples: Examples): Weights {
  const start = base.get('weights');
  const values = Float64Array.from(start?.values ?? []);
  for (let step = 0; step < localSteps; step += 1) {
    const gradient = new Float64Array(features + 1);
    for (let row = 0; row < examples.count; row += 1) {
      const error = sigmoid(score(values, examples, row)) - (examples.labels[row] ?? 0);
      for (let column = 0; column < features; column += 1) {
        gradient[column] = (gradient[column] ?? 0) + error * (examples.values[row * features + column] ?? 0);
      }
      gradient[features] = (gradient[features] ?? 0) + error;
    }
    for (let index = 0; index <= features; index += 1) {
      values[index] = (values[index] ?? 0) - (learningRate * (gradient[index] ?? 0)) / examples.count;
    }
  }
  return new Map([['weights', { shape: [features + 1], values: Float32Array.from(values) }]]);
}

/** Mean log loss of the weights on examples. */
export function logLoss(weights: Weights, examples: Examples): number {
  const values = Float64Array.from(weights.get('weights')?.values ?? []);
  let loss = 0;
  for (let row = 0; row < examples.count; row += 1) {
    const margin = score(values, examples, row) * (examples.labels[row] === 1 ? 1 : -1);
    loss += Math.log1p(Math.exp(-Math.abs(margin))) + Math.max(0, -margin);
  }
  return loss / examples.count;
}

function score(weights: Float64Array, examples: Examples, row: number): number {
  let sum = weights[features] ?? 0;
  for (let column = 0; column < features; column += 1) {
    sum += (weights[column] ?? 0) * (examples.values[row * features + column] ?? 0);
  }
  return sum;
}

function sigmoid(value: number): number {
  return 1 / (1 + Math.exp(-value));
}

/** Row-major [examples, 2]. */
export function probabilitiesOf(weights: Weights, examples: Examples): Float32Array {
  const values = Float64Array.from(weights.get('weights')?.values ?? []);
  const probabilities = new Float32Array(examples.count * 2);
  for (let row = 0; row < examples.count; row += 1) {
    const positive = sigmoid(score(values, examples, row));
    probabilities[2 * row] = 1 - positive;
    probabilities[2 * row + 1] = positive;
  }
  return probabilities;
}
