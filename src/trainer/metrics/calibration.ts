// How far the probabilities themselves can be trusted.

/** Smallest probability that log loss takes seriously: float32 softmax reaches 0, whose logarithm is infinite. */
const smallestProbability = 1e-7;

/** Mean negative logarithm of the true class's probability; 0 for no examples. */
export function logLoss(probabilities: Float32Array, labels: Int32Array, classes: number): number {
  let total = 0;
  labels.forEach((label, example) => {
    total -= Math.log(Math.max(probabilities[example * classes + label]!, smallestProbability));
  });
  return labels.length === 0 ? 0 : total / labels.length;
}

/**
 * Expected calibration error: over equal-width bins of the top class's probability, the mean gap between that
 * probability and the share that is right (Guo et al., arXiv 1706.04599). 0 for no examples.
 */
export function calibrationError(topProbabilities: Float64Array, isRight: Uint8Array, bins = 15): number {
  const gaps = new Float64Array(bins);
  topProbabilities.forEach((probability, example) => {
    // Bins are (low, high], as in the paper's code: a probability of exactly 1 falls in the last one.
    const bin = Math.min(bins - 1, Math.max(0, Math.ceil(probability * bins) - 1));
    gaps[bin] = gaps[bin]! + isRight[example]! - probability;
  });
  if (topProbabilities.length === 0) return 0;
  return gaps.reduce((total, gap) => total + Math.abs(gap), 0) / topProbabilities.length;
}
