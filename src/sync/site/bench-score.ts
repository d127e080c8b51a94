// The number by which a site's bench is ranked: macro one-vs-rest AUC on the site's own validation labels, with a trace of the log
// loss so that equal AUCs (common on few examples) are decided by calibration.

const lossShare = 1e-3;

/** Larger is better. Where only one class occurs, and there is no AUC, the log loss alone decides. */
export function benchScore(probabilities: Float32Array, labels: Int32Array, classes: number): number {
  const areas: number[] = [];
  for (let positive = classes === 2 ? 1 : 0; positive < classes; positive += 1) {
    const area = areaUnderCurve(probabilities, labels, classes, positive);
    if (area !== null) areas.push(area);
  }
  const auc = areas.length === 0 ? 0 : areas.reduce((sum, area) => sum + area, 0) / areas.length;
  return auc - lossShare * logLoss(probabilities, labels, classes);
}

/** Mann–Whitney: the share of pairs in the right order, ties counting half. Null without both kinds. */
function areaUnderCurve(
  probabilities: Float32Array,
  labels: Int32Array,
  classes: number,
  positive: number,
): number | null {
  const scores = Array.from(labels, (label, index) => ({
    score: probabilities[index * classes + positive]!,
    isPositive: label === positive,
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
    total -= Math.log(Math.max(probabilities[index * classes + label]!, 1e-7));
  });
  return total / labels.length;
}
