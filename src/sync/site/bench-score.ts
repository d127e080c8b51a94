// The number by which a site's bench is ranked: macro one-vs-rest AUC on the site's own validation labels, with a trace of the log
// loss so that equal AUCs (common on few examples) are decided by calibration.

const lossShare = 1e-3;

/**
 * Larger is better. Where only one class occurs, and there is no AUC, the log loss alone decides.
 * @param labels class of each example; with `isMultiLabel` row-major 0 and 1, [examples, classes]
 */
export function benchScore(
  probabilities: Float32Array,
  labels: Int32Array,
  classes: number,
  isMultiLabel = false,
): number {
  const has: HasLabel = isMultiLabel
    ? (example, label) => labels[example * classes + label] === 1
    : (example, label) => labels[example] === label;
  const areas: number[] = [];
  // Of two classes that exclude each other one area is the other's too.
  for (let positive = classes === 2 && !isMultiLabel ? 1 : 0; positive < classes; positive += 1) {
    const area = areaUnderCurve(probabilities, classes, positive, has);
    if (area !== null) areas.push(area);
  }
  const auc = areas.length === 0 ? 0 : areas.reduce((sum, area) => sum + area, 0) / areas.length;
  const loss = isMultiLabel ? binaryLogLoss(probabilities, labels) : logLoss(probabilities, labels, classes);
  return auc - lossShare * loss;
}

type HasLabel = (example: number, label: number) => boolean;

/** Mann–Whitney: the share of pairs in the right order, ties counting half. Null without both kinds. */
function areaUnderCurve(probabilities: Float32Array, classes: number, positive: number, has: HasLabel): number | null {
  const scores = Array.from({ length: probabilities.length / classes }, (_, example) => ({
    score: probabilities[example * classes + positive]!,
    isPositive: has(example, positive),
  })).sort((a, b) => a.score - b.score);
  const positives = scores.filter(({ isPositive }) => isPositive).length;
  const negatives = scores.length - positives;
  if (positives === 0 || negatives === 0) return null;
  let rankSum = 0;
  for (let start = 0; start < scores.length;) {
    let end = start + 1;
    while (end < scores.length && scores[end]!.score === scores[start]!.score) end += 1;
    // Tied scores share the mean of their ranks, which count from 1.
    const rank = (start + 1 + end) / 2;
    for (let index = start; index < end; index += 1) if (scores[index]!.isPositive) rankSum += rank;
    start = end;
  }
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}

function logLoss(probabilities: Float32Array, labels: Int32Array, classes: number): number {
  if (labels.length === 0) return 0;
  let total = 0;
  labels.forEach((label, index) => {
    total += surprise(probabilities[index * classes + label]!);
  });
  return total / labels.length;
}

/** Mean over all labels of all examples. */
function binaryLogLoss(probabilities: Float32Array, labels: Int32Array): number {
  if (labels.length === 0) return 0;
  let total = 0;
  labels.forEach((label, place) => {
    total += surprise(label === 1 ? probabilities[place]! : 1 - probabilities[place]!);
  });
  return total / labels.length;
}

function surprise(probability: number): number {
  return -Math.log(Math.max(probability, 1e-7));
}
