// Receiver operating characteristic: the curve, the area under it, and that area's uncertainty.

/** Scores of one class against the rest, sorted once and used by every function here. */
export interface RankedScores {
  /** Example indices by ascending score. */
  readonly order: Int32Array;
  /** Scores in that order. */
  readonly sorted: Float64Array;
  /** 1 where the example at that place belongs to the class. */
  readonly positive: Uint8Array;
}

/** Sorts one class's scores; `stride` and `offset` pick its column out of a row-major probability matrix. */
export function rankScores(
  probabilities: Float32Array,
  labels: Int32Array,
  classIndex: number,
  classes: number,
): RankedScores {
  return rankColumn(probabilities, classIndex, classes, (example) => labels[example] === classIndex);
}

/** Sorts the scores of column `classIndex` of a row-major matrix with `classes` columns. */
export function rankColumn(
  probabilities: Float32Array,
  classIndex: number,
  classes: number,
  isPositive: (example: number) => boolean,
): RankedScores {
  const count = probabilities.length / classes;
  const order = new Int32Array(count);
  for (let index = 0; index < count; index += 1) order[index] = index;
  order.sort((a, b) => probabilities[a * classes + classIndex]! - probabilities[b * classes + classIndex]!);
  const sorted = new Float64Array(count);
  const positive = new Uint8Array(count);
  order.forEach((example, place) => {
    sorted[place] = probabilities[example * classes + classIndex]!;
    positive[place] = isPositive(example) ? 1 : 0;
  });
  return { order, sorted, positive };
}

/**
 * Area under the ROC curve: the chance that a positive scores above a negative, ties counting half (Mann–Whitney).
 * `weights` counts each example (by example index) as often as it says. Null without both positives and negatives.
 */
export function areaUnderCurve({ order, sorted, positive }: RankedScores, weights?: Float64Array): number | null {
  let negativesBelow = 0;
  let positives = 0;
  let wins = 0;
  for (let start = 0; start < sorted.length;) {
    let end = start;
    let tiedPositives = 0;
    let tiedNegatives = 0;
    while (end < sorted.length && sorted[end] === sorted[start]) {
      const weight = weights === undefined ? 1 : weights[order[end]!]!;
      if (positive[end] === 1) tiedPositives += weight;
      else tiedNegatives += weight;
      end += 1;
    }
    wins += tiedPositives * (negativesBelow + tiedNegatives / 2);
    positives += tiedPositives;
    negativesBelow += tiedNegatives;
    start = end;
  }
  return positives > 0 && negativesBelow > 0 ? wins / (positives * negativesBelow) : null;
}

/**
 * Variance of the area (DeLong, DeLong and Clarke-Pearson, Biometrics 1988), with the images of one patient taken
 * together (Obuchowski, Biometrics 1997); with one image per patient it is DeLong's. `patients` is by example index.
 * Null where a side has fewer than two patients.
 */
export function areaVariance(ranked: RankedScores, patients: Int32Array): number | null {
  const area = areaUnderCurve(ranked);
  if (area === null) return null;
  const { order, positive } = ranked;
  const components = structuralComponents(ranked);
  let positives = 0;
  const byPatient = new Map<
    number,
    { positive: number; negative: number; hasPositive: boolean; hasNegative: boolean }
  >();
  for (let place = 0; place < order.length; place += 1) {
    const patient = patients[order[place]!]!;
    let sums = byPatient.get(patient);
    if (sums === undefined) {
      sums = { positive: 0, negative: 0, hasPositive: false, hasNegative: false };
      byPatient.set(patient, sums);
    }
    const deviation = components[place]! - area;
    if (positive[place] === 1) {
      positives += 1;
      sums.positive += deviation;
      sums.hasPositive = true;
    } else {
      sums.negative += deviation;
      sums.hasNegative = true;
    }
  }
  const negatives = order.length - positives;
  let positivePatients = 0;
  let negativePatients = 0;
  let positiveSquares = 0;
  let negativeSquares = 0;
  let products = 0;
  for (const sums of byPatient.values()) {
    positivePatients += sums.hasPositive ? 1 : 0;
    negativePatients += sums.hasNegative ? 1 : 0;
    positiveSquares += sums.positive ** 2;
    negativeSquares += sums.negative ** 2;
    products += sums.positive * sums.negative;
  }
  if (positivePatients < 2 || negativePatients < 2) return null;
  const all = byPatient.size;
  const variance =
    (positivePatients / (positivePatients - 1)) * (positiveSquares / positives ** 2) +
    (negativePatients / (negativePatients - 1)) * (negativeSquares / negatives ** 2) +
    ((2 * all) / (all - 1)) * (products / (positives * negatives));
  return Math.max(variance, 0);
}

/** How many patients have images of the class, and how many have others. */
export function patientsBySide(
  { order, positive }: RankedScores,
  patients: Int32Array,
): { positives: number; negatives: number } {
  const sides = [new Set<number>(), new Set<number>()] as const;
  order.forEach((example, place) => sides[positive[place] === 1 ? 0 : 1].add(patients[example]!));
  return { positives: sides[0].size, negatives: sides[1].size };
}

/** For each place: the share of the other side that the example beats (a positive) or loses to (a negative). */
function structuralComponents({ sorted, positive }: RankedScores): Float64Array {
  const components = new Float64Array(sorted.length);
  const positives = positive.reduce((total, flag) => total + flag, 0);
  const negatives = sorted.length - positives;
  let positivesBelow = 0;
  let negativesBelow = 0;
  for (let start = 0; start < sorted.length;) {
    let end = start;
    let tiedPositives = 0;
    while (end < sorted.length && sorted[end] === sorted[start]) {
      tiedPositives += positive[end]!;
      end += 1;
    }
    const tiedNegatives = end - start - tiedPositives;
    for (let place = start; place < end; place += 1) {
      components[place] =
        positive[place] === 1
          ? (negativesBelow + tiedNegatives / 2) / negatives
          : (positives - positivesBelow - tiedPositives / 2) / positives;
    }
    positivesBelow += tiedPositives;
    negativesBelow += tiedNegatives;
    start = end;
  }
  return components;
}

/** One operating point: shares of negatives and of positives at or above `threshold`. */
export interface RocPoint {
  readonly threshold: number;
  readonly falsePositiveRate: number;
  readonly sensitivity: number;
}

/** The curve of one class from (0, 0) to (1, 1), one point per distinct score; empty without both sides. */
export function rocPoints(
  probabilities: Float32Array,
  labels: Int32Array,
  classIndex: number,
  classes: number,
): RocPoint[] {
  return rocPointsOf(rankScores(probabilities, labels, classIndex, classes));
}

/** As `rocPoints`, of scores that are ranked already. */
export function rocPointsOf({ sorted, positive }: RankedScores): RocPoint[] {
  const positives = positive.reduce((total, flag) => total + flag, 0);
  const negatives = sorted.length - positives;
  if (positives === 0 || negatives === 0) return [];
  const points: RocPoint[] = [{ threshold: Infinity, falsePositiveRate: 0, sensitivity: 0 }];
  let truePositives = 0;
  let falsePositives = 0;
  for (let place = sorted.length - 1; place >= 0; place -= 1) {
    if (positive[place] === 1) truePositives += 1;
    else falsePositives += 1;
    if (place > 0 && sorted[place - 1] === sorted[place]) continue;
    points.push({
      threshold: sorted[place]!,
      falsePositiveRate: falsePositives / negatives,
      sensitivity: truePositives / positives,
    });
  }
  return points;
}
