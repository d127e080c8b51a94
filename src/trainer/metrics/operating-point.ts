// From which probability on a class is called: chosen on one set of images, measured on another.
import type { Estimate, Metrics, OperatingPoint, OperatingRule } from '../../contract/metrics.ts';
import type { Task } from '../../contract/network.ts';
import { numbered, patientBootstrap, wilsonInterval } from './intervals.ts';
import { rankColumn, type RankedScores, type RocPoint, rocPointsOf } from './roc.ts';

/**
 * The threshold that the rule picks: `score >= threshold` divides the images as meant, and it lies midway between the two
 * scores that it divides. On one of them it would be as near as can be to the images of one side, and other images of that
 * side would fall below it. Of equals the highest. Null without both positives and negatives.
 */
export function chosenThreshold(ranked: RankedScores, rule: OperatingRule): number | null {
  const points = rocPointsOf(ranked).slice(1);
  if (points.length === 0) return null;
  const chosen =
    rule === 'youden' ? youdenPlace(points) : points.findIndex(({ sensitivity }) => sensitivity >= rule.sensitivity);
  const { threshold } = points[chosen]!;
  const below = points[chosen + 1]?.threshold;
  return below === undefined ? threshold : (below + threshold) / 2;
}

/** Where Youden's index (Cancer, 1950) is highest. */
function youdenPlace(points: readonly RocPoint[]): number {
  let best = 0;
  let most = -Infinity;
  // A difference in the last bit of two shares is none.
  const gain = 1e-12;
  points.forEach(({ sensitivity, falsePositiveRate }, place) => {
    if (sensitivity - falsePositiveRate <= most + gain) return;
    best = place;
    most = sensitivity - falsePositiveRate;
  });
  return best;
}

/** The thresholds that Youden's index chose on the images of these metrics; null where it chose none. */
export function youdenPoint({ perClass }: Metrics): OperatingPoint | null {
  const thresholds = perClass.map(({ youdenThreshold }) => youdenThreshold);
  return thresholds.every((threshold) => threshold === null) ? null : { rule: 'youden', thresholds };
}

/** The thresholds that a rule chooses on these predictions; null for a segmentation, whose pixels are called by the most probable class. */
export function chosenPoint({
  task,
  probabilities,
  labels,
  classes,
  rule,
}: {
  task: Task;
  probabilities: Float32Array;
  labels: Int32Array | Uint8Array;
  classes: number;
  rule: OperatingRule;
}): OperatingPoint | null {
  if (task === 'segmentation') return null;
  const isPositive = (example: number, index: number): boolean =>
    task === 'multi-label' ? labels[example * classes + index] === 1 : labels[example] === index;
  const thresholds = Array.from({ length: classes }, (_, index) =>
    chosenThreshold(
      rankColumn(probabilities, index, classes, (example) => isPositive(example, index)),
      rule,
    ),
  );
  return { rule, thresholds };
}

/** Sensitivity and specificity at a threshold, with intervals by a bootstrap over patients. */
export function ratesAt(
  threshold: number,
  ranked: RankedScores,
  patients: Int32Array,
): { threshold: number; sensitivity: Estimate; specificity: Estimate } {
  const isPositive = new Uint8Array(patients.length);
  const isRight = new Uint8Array(patients.length);
  ranked.order.forEach((example, place) => {
    const called = ranked.sorted[place]! >= threshold ? 1 : 0;
    isPositive[example] = ranked.positive[place]!;
    isRight[example] = called === ranked.positive[place] ? 1 : 0;
  });
  const among = (side: number): Estimate => {
    const chosen = [...isPositive.keys()].filter((example) => isPositive[example] === side);
    return shareRight(
      Uint8Array.from(chosen, (example) => isRight[example]!),
      Int32Array.from(chosen, (example) => patients[example]!),
    );
  };
  return { threshold, sensitivity: among(1), specificity: among(0) };
}

/**
 * The share of ones, with an interval over patients. A bootstrap knows no width where all answers are right or all
 * wrong; Wilson's interval over patients does. Null for no examples.
 */
export function shareRight(isRight: Uint8Array, patients: Int32Array): Estimate {
  if (isRight.length === 0) return null;
  const right = isRight.reduce((total, flag) => total + flag, 0);
  const value = right / isRight.length;
  if (right === 0 || right === isRight.length) return wilsonInterval(value, numbered(patients).count);
  const interval = patientBootstrap(patients, (weights) => {
    let total = 0;
    let rightWeight = 0;
    for (let example = 0; example < weights.length; example += 1) {
      total += weights[example]!;
      rightWeight += weights[example]! * isRight[example]!;
    }
    return total > 0 ? rightWeight / total : null;
  });
  return interval === null ? null : { value, ...interval };
}
