// 95 % confidence intervals.
import type { Estimate } from '../../contract/metrics.ts';
import { randomStream } from '../run/random.ts';

/** The 97.5th percentile of the standard normal distribution. */
const normalQuantile = 1.959963984540054;

/** Resamples of a bootstrap: enough for the 2.5th and 97.5th percentile to be stable to about one hundredth. */
const defaultResamples = 200;

/** Normal interval around `value`, cut to 0…1. */
export function normalInterval(value: number, variance: number): NonNullable<Estimate> {
  const half = normalQuantile * Math.sqrt(variance);
  return { value, low: Math.max(0, value - half), high: Math.min(1, value + half) };
}

/** Wilson's score interval for `successShare` of `trials` (JASA 1927): it has width even at 0 and 1. */
export function wilsonInterval(successShare: number, trials: number): NonNullable<Estimate> {
  const squared = normalQuantile ** 2;
  const centre = (successShare + squared / (2 * trials)) / (1 + squared / trials);
  const half =
    (normalQuantile / (1 + squared / trials)) *
    Math.sqrt((successShare * (1 - successShare)) / trials + squared / (4 * trials ** 2));
  return {
    value: successShare,
    low: Math.min(successShare, Math.max(0, centre - half)),
    high: Math.max(successShare, Math.min(1, centre + half)),
  };
}

/**
 * Newcombe's score interval for an area under the ROC curve (Statistics in Medicine 2006, 25:559, method 5): of all areas that
 * are within the normal quantile of the value, by Hanley and McNeil's variance at that area with the mean of both sides' numbers.
 * It has width at 0 and 1 too.
 */
export function areaScoreInterval(
  value: number,
  { positives, negatives }: { positives: number; negatives: number },
): NonNullable<Estimate> {
  const others = (positives + negatives) / 2 - 1;
  const variance = (area: number): number =>
    (area * (1 - area) * (1 + others * ((1 - area) / (2 - area) + area / (1 + area)))) / (positives * negatives);
  const isWithin = (area: number): boolean => (value - area) ** 2 <= normalQuantile ** 2 * variance(area);
  /** The last area within, from the value to this end, by bisection to float64's own steps. */
  const endTowards = (end: number): number => {
    let [within, beyond] = [value, end];
    for (let halving = 0; halving < 60; halving += 1) {
      const middle = (within + beyond) / 2;
      if (isWithin(middle)) within = middle;
      else beyond = middle;
    }
    return within;
  };
  return { value, low: endTowards(0), high: endTowards(1) };
}

/**
 * The 97.5th percentile of Student's t distribution, in normal ones: exact for one and two degrees of freedom, an expansion
 * beyond (Abramowitz and Stegun, 26.7.5) that is right to 0.1 %.
 */
function studentStretch(degrees: number): number {
  const z = normalQuantile;
  if (degrees === 1) return Math.tan(0.475 * Math.PI) / z;
  if (degrees === 2) return (0.95 * Math.sqrt(2 / (1 - 0.95 ** 2))) / z;
  return (
    1 +
    (z ** 2 + 1) / (4 * degrees) +
    (5 * z ** 4 + 16 * z ** 2 + 3) / (96 * degrees ** 2) +
    (3 * z ** 6 + 19 * z ** 4 + 17 * z ** 2 - 15) / (384 * degrees ** 3) +
    (79 * z ** 8 + 776 * z ** 6 + 1482 * z ** 4 - 1920 * z ** 2 - 945) / (92_160 * degrees ** 4)
  );
}

/**
 * Percentile interval of a statistic over resampled patients (all images of a drawn patient come along), stretched about the
 * value for few patients: a bootstrap takes their spread for that of all, which is larger by √(n / (n − 1)), and their number for large,
 * where Student's t holds (Hesterberg, The American Statistician 2015, 69:371). Cut to 0…`most`, all of which one patient leaves.
 * `statistic` gets the number of times each example counts, or null where it is undefined on that resample.
 * Null when fewer than half of the resamples define it.
 */
export function patientBootstrap(
  patients: Int32Array,
  statistic: (weights: Float64Array) => number | null,
  { seed = 1, resamples = defaultResamples, most = 1 }: { seed?: number; resamples?: number; most?: number } = {},
): { low: number; high: number } | null {
  const { patientOf, count } = numbered(patients);
  const value = statistic(new Float64Array(patients.length).fill(1));
  if (value === null) return null;
  if (count === 1) return { low: 0, high: most };
  const random = randomStream(seed, 0x626f6f74);
  const drawn = new Float64Array(count);
  const weights = new Float64Array(patients.length);
  const values: number[] = [];
  for (let resample = 0; resample < resamples; resample += 1) {
    drawn.fill(0);
    for (let draw = 0; draw < count; draw += 1) {
      const patient = random.below(count);
      drawn[patient] = drawn[patient]! + 1;
    }
    for (let example = 0; example < weights.length; example += 1) weights[example] = drawn[patientOf[example]!]!;
    const drawnValue = statistic(weights);
    if (drawnValue !== null) values.push(drawnValue);
  }
  if (values.length < Math.max(1, resamples / 2)) return null;
  values.sort((a, b) => a - b);
  const stretch = studentStretch(count - 1) * Math.sqrt(count / (count - 1));
  const [below, above] = [value - percentile(values, 0.025), percentile(values, 0.975) - value];
  return {
    low: Math.max(0, value - stretch * Math.max(0, below)),
    high: Math.min(most, value + stretch * Math.max(0, above)),
  };
}

/** Patients renumbered 0…count−1 in order of appearance. */
export function numbered(patients: Int32Array): { patientOf: Int32Array; count: number } {
  const numbers = new Map<number, number>();
  const patientOf = patients.map((patient) => {
    const known = numbers.get(patient);
    if (known !== undefined) return known;
    numbers.set(patient, numbers.size);
    return numbers.size - 1;
  });
  return { patientOf, count: numbers.size };
}

/** Linear interpolation between the closest ranks of ascending values. */
export function percentile(values: readonly number[], share: number): number {
  const place = share * (values.length - 1);
  const below = Math.floor(place);
  const low = values[below]!;
  const high = values[Math.min(below + 1, values.length - 1)]!;
  return low + (high - low) * (place - below);
}
