// The privacy loss of DP-SGD: Rényi differential privacy of the Poisson-subsampled Gaussian mechanism, composed over steps and
// converted to (ε, δ). Mironov, Talwar, Zhang 2019 (arXiv 1908.10530), section 3.3; conversion by Balle et al. 2020
// (arXiv 1905.09982), theorem 21. It accounts; it does not clip, add noise or sample.
import { leastNoiseMultiplier } from '../../contract/training.ts';
import { logErfc } from './log-erfc.ts';
import { privacyFault } from './faults.ts';

/** One way of training, as far as its privacy depends on it. */
export interface GaussianSteps {
  /** Probability with which each example is in a batch (Poisson sampling), 0 < q ≤ 1. */
  readonly sampleRate: number;
  /** Standard deviation of the noise divided by the clipping norm, at least `leastNoiseMultiplier`. */
  readonly noiseMultiplier: number;
  readonly steps: number;
}

export interface PrivacyLoss {
  readonly epsilon: number;
  /** The Rényi order α at which ε is smallest. */
  readonly order: number;
}

/** Fine where strong noise is rare, coarse and far where ε is small. */
const orders: readonly number[] = [
  ...Array.from({ length: 99 }, (_, index) => 1 + (index + 1) / 10),
  ...Array.from({ length: 52 }, (_, index) => 12 + index),
  72,
  96,
  128,
  192,
  256,
  384,
  512,
  1_024,
];

/**
 * ε of `steps` at failure probability `delta`.
 * @throws Fault 680 naming the number that is out of range.
 */
export function privacyLoss(training: GaussianSteps, delta: number): PrivacyLoss {
  return composedLoss([training], delta);
}

/** ε of several trainings on the same images, one after the other: Rényi divergences add up. 0 of none. */
export function composedLoss(trainings: readonly GaussianSteps[], delta: number): PrivacyLoss {
  checkDelta(delta);
  const total = new Float64Array(orders.length);
  for (const training of trainings) {
    const { steps } = training;
    check('steps', steps, Number.isInteger(steps) && steps >= 0, 'a whole number, 0 or more');
    for (const [index, divergence] of stepDivergences(training).entries()) total[index]! += steps * divergence;
  }
  return lossOf(total, delta);
}

/** By order: what one step costs. */
function stepDivergences({ sampleRate, noiseMultiplier }: Omit<GaussianSteps, 'steps'>): Float64Array {
  check('q (the sample rate)', sampleRate, sampleRate > 0 && sampleRate <= 1, 'above 0, at most 1');
  const range = `at least ${leastNoiseMultiplier}`;
  check('sigma (the noise multiplier)', noiseMultiplier, noiseMultiplier >= leastNoiseMultiplier, range);
  return Float64Array.from(orders, (order) => stepDivergence(sampleRate, noiseMultiplier, order));
}

/** ε of the divergences by order. */
function lossOf(divergences: Float64Array, delta: number): PrivacyLoss {
  if (divergences.every((divergence) => divergence === 0)) return { epsilon: 0, order: orders.at(-1)! };
  let least: PrivacyLoss = { epsilon: Number.POSITIVE_INFINITY, order: 1 };
  for (const [index, order] of orders.entries()) {
    const loss = divergences[index]!;
    const epsilon = loss - (Math.log(delta) + Math.log(order)) / (order - 1) + Math.log((order - 1) / order);
    // NaN (an order whose series overflows) loses the comparison.
    if (epsilon < least.epsilon) least = { epsilon, order };
  }
  return { epsilon: Math.max(0, least.epsilon), order: least.order };
}

/** How near to the target the noise is searched. */
const searchTolerance = 1e-9;
const largestNoise = 1e6;

/**
 * The least noise multiplier with which `steps` stay within `epsilon`.
 * @throws Fault 680 for numbers out of range, 681 where no noise is enough.
 */
export function noiseMultiplierFor(
  epsilon: number,
  { sampleRate, steps }: Omit<GaussianSteps, 'noiseMultiplier'>,
  delta: number,
): number {
  check('target (the privacy budget ε)', epsilon, epsilon > 0, 'above 0');
  const within = (noiseMultiplier: number): boolean =>
    privacyLoss({ sampleRate, noiseMultiplier, steps }, delta).epsilon <= epsilon;
  if (within(leastNoiseMultiplier)) return leastNoiseMultiplier;
  let enough = 1;
  while (!within(enough)) {
    enough *= 2;
    if (enough > largestNoise) throw privacyFault.unreachable(epsilon);
  }
  let tooLittle = leastNoiseMultiplier;
  while (enough - tooLittle > searchTolerance * enough) {
    const middle = (enough + tooLittle) / 2;
    if (within(middle)) enough = middle;
    else tooLittle = middle;
  }
  return enough;
}

/** Most steps that stay within `epsilon` after these trainings on the same images: the hard stop of a run. */
export function stepsWithin(
  epsilon: number,
  training: Omit<GaussianSteps, 'steps'>,
  delta: number,
  before: readonly GaussianSteps[] = [],
): number {
  check('target (the privacy budget ε)', epsilon, epsilon > 0, 'above 0');
  checkDelta(delta);
  const each = stepDivergences(training);
  const spent = new Float64Array(orders.length);
  for (const earlier of before)
    for (const [index, divergence] of stepDivergences(earlier).entries()) spent[index]! += earlier.steps * divergence;
  const within = (steps: number): boolean =>
    lossOf(
      spent.map((divergence, index) => divergence + steps * each[index]!),
      delta,
    ).epsilon <= epsilon;
  if (!within(1)) return 0;
  let held = 1;
  while (held < Number.MAX_SAFE_INTEGER / 4 && within(held * 2)) held *= 2;
  let beyond = held * 2;
  while (beyond - held > 1) {
    const middle = Math.floor((held + beyond) / 2);
    if (within(middle)) held = middle;
    else beyond = middle;
  }
  return held;
}

/** ε after any number of steps of one training, cheap to ask again and again. */
export function lossByStep(training: Omit<GaussianSteps, 'steps'>, delta: number): (steps: number) => PrivacyLoss {
  checkDelta(delta);
  const each = stepDivergences(training);
  return (steps) =>
    lossOf(
      each.map((divergence) => steps * divergence),
      delta,
    );
}

function check(name: string, value: number, isRight: boolean, range: string): void {
  if (!Number.isFinite(value) || !isRight) throw privacyFault.outOfRange(name, value, range);
}

function checkDelta(delta: number): void {
  check('delta', delta, delta > 0 && delta < 1, 'between 0 and 1');
}

/** Rényi divergence of order α of one step. */
function stepDivergence(q: number, sigma: number, order: number): number {
  if (q === 1) return order / (2 * sigma * sigma);
  const logMoment = Number.isInteger(order) ? wholeMoment(q, sigma, order) : fractionalMoment(q, sigma, order);
  return logMoment / (order - 1);
}

/** ln A_α for whole α: a finite binomial sum. */
function wholeMoment(q: number, sigma: number, order: number): number {
  let logBinomial = 0;
  let sum = Number.NEGATIVE_INFINITY;
  for (let k = 0; k <= order; k += 1) {
    const term = logBinomial + k * Math.log(q) + (order - k) * Math.log1p(-q) + (k * k - k) / (2 * sigma * sigma);
    sum = logAdd(sum, term);
    logBinomial += Math.log((order - k) / (k + 1));
  }
  return sum;
}

/** Terms of the series below e^−30 of the sum's scale change no digit that is told. */
const smallestTerm = -30;

/** ln A_α for other α: the two infinite series, whose terms change sign once the binomial coefficient does. */
function fractionalMoment(q: number, sigma: number, order: number): number {
  const variance = sigma * sigma;
  const middle = variance * Math.log(1 / q - 1) + 0.5;
  const scale = Math.SQRT2 * sigma;
  let lower = Number.NEGATIVE_INFINITY;
  let upper = Number.NEGATIVE_INFINITY;
  let binomial = 1;
  for (let i = 0; ; i += 1) {
    const j = order - i;
    const size = Math.log(Math.abs(binomial)) - Math.LN2;
    const first =
      size + i * Math.log(q) + j * Math.log1p(-q) + (i * i - i) / (2 * variance) + logErfc((i - middle) / scale);
    const second =
      size + j * Math.log(q) + i * Math.log1p(-q) + (j * j - j) / (2 * variance) + logErfc((middle - j) / scale);
    lower = binomial > 0 ? logAdd(lower, first) : logSubtract(lower, first);
    upper = binomial > 0 ? logAdd(upper, second) : logSubtract(upper, second);
    // Written so that NaN ends the series, too.
    if (!(Math.max(first, second) >= smallestTerm)) return logAdd(lower, upper);
    binomial *= (order - i) / (i + 1);
  }
}

/** ln(eᵃ + eᵇ). */
function logAdd(a: number, b: number): number {
  const [less, more] = a < b ? [a, b] : [b, a];
  return less === Number.NEGATIVE_INFINITY ? more : more + Math.log1p(Math.exp(less - more));
}

/** ln(eᵃ − eᵇ) for a > b; the series' partial sums stay positive. */
function logSubtract(a: number, b: number): number {
  if (b === Number.NEGATIVE_INFINITY) return a;
  return a <= b ? Number.NaN : a + Math.log1p(-Math.exp(b - a));
}
