// How far the probabilities themselves can be trusted.
import type { ReliabilityBin } from '../../contract/metrics.ts';

/** Smallest probability that log loss takes seriously: float32 softmax reaches 0, whose logarithm is infinite. */
const smallestProbability = 1e-7;

/** Mean negative logarithm of the true class's probability; 0 for no examples. */
export function logLoss(probabilities: Float32Array, labels: Int32Array, classes: number): number {
  let total = 0;
  labels.forEach((label, example) => {
    total += surprise(probabilities[example * classes + label]!);
  });
  return labels.length === 0 ? 0 : total / labels.length;
}

/** The negative logarithm of a probability, finite for 0. */
export function surprise(probability: number): number {
  return -Math.log(Math.max(probability, smallestProbability));
}

/** Counts of a reliability plot, filled probability by probability: memory does not grow with the images. */
export interface Reliability {
  add(probability: number, isRight: boolean): void;
  /** Bins that hold something. */
  bins(): ReliabilityBin[];
  /**
   * Expected calibration error: the mean gap between probability and share that is right, over equal-width bins
   * (Guo et al., arXiv 1706.04599). 0 for no examples.
   */
  error(): number;
  /** Counts, sums of probabilities and those that are right, by bin: what `restore` takes. */
  state(): readonly (readonly number[])[];
  restore(state: readonly (readonly number[])[]): void;
}

/** Bins of a reliability plot. */
export const reliabilityBins = 15;

export function reliability(bins = reliabilityBins): Reliability {
  const counts = new Float64Array(bins);
  const promised = new Float64Array(bins);
  const right = new Float64Array(bins);
  return {
    add(probability, isRight) {
      // Bins are (low, high], as in the paper's code: a probability of exactly 1 falls in the last one.
      const bin = Math.min(bins - 1, Math.max(0, Math.ceil(probability * bins) - 1));
      counts[bin] = counts[bin]! + 1;
      promised[bin] = promised[bin]! + probability;
      if (isRight) right[bin] = right[bin]! + 1;
    },
    bins: () =>
      [...counts.keys()]
        .filter((bin) => counts[bin]! > 0)
        .map((bin) => ({
          low: bin / bins,
          high: (bin + 1) / bins,
          examples: counts[bin]!,
          meanProbability: promised[bin]! / counts[bin]!,
          shareRight: right[bin]! / counts[bin]!,
        })),
    error() {
      const total = counts.reduce((sum, count) => sum + count, 0);
      if (total === 0) return 0;
      return promised.reduce((sum, promise, bin) => sum + Math.abs(right[bin]! - promise), 0) / total;
    },
    state: () => [counts, promised, right].map((values) => [...values]),
    restore(state) {
      for (const [place, values] of [counts, promised, right].entries()) values.set(state[place]!);
    },
  };
}

/** The expected calibration error of the top class's probabilities. */
export function calibrationError(topProbabilities: Float64Array, isRight: Uint8Array, bins = reliabilityBins): number {
  const tally = reliability(bins);
  topProbabilities.forEach((probability, example) => tally.add(probability, isRight[example] === 1));
  return tally.error();
}
