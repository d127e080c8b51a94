// Precision against recall of one class, and the average precision.
import type { RankedScores } from './roc.ts';

export interface PrecisionRecallPoint {
  readonly threshold: number;
  readonly recall: number;
  readonly precision: number;
}

/** One point per distinct score, by falling threshold and so by rising recall; empty without positives. */
export function precisionRecallPoints({ sorted, positive }: RankedScores): PrecisionRecallPoint[] {
  const positives = positive.reduce((total, flag) => total + flag, 0);
  if (positives === 0) return [];
  const points: PrecisionRecallPoint[] = [];
  let hits = 0;
  for (let place = sorted.length - 1; place >= 0; place -= 1) {
    if (positive[place] === 1) hits += 1;
    if (place > 0 && sorted[place - 1] === sorted[place]) continue;
    points.push({ threshold: sorted[place]!, recall: hits / positives, precision: hits / (sorted.length - place) });
  }
  return points;
}

/**
 * Precision weighted by the recall gained at each threshold, without interpolation (as scikit-learn's
 * average_precision_score). Null without positives.
 */
export function averagePrecision(ranked: RankedScores): number | null {
  const points = precisionRecallPoints(ranked);
  if (points.length === 0) return null;
  let area = 0;
  let before = 0;
  for (const { recall, precision } of points) {
    area += (recall - before) * precision;
    before = recall;
  }
  return area;
}
