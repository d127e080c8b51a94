// An evaluation as a file for other programs: JSON as it is kept, or CSV with a row for each figure.
import type { ModelEvaluation } from '../../contract/model-evaluation.ts';
import type { Estimate } from '../../contract/metrics.ts';
import { csvText } from '../../contract/csv-text.ts';

const columns = [
  'model',
  'cohort',
  'cohort_hash',
  'split',
  'measured_at',
  'of',
  'name',
  'figure',
  'value',
  'ci_low',
  'ci_high',
] as const;

export function evaluationText(evaluation: ModelEvaluation, format: 'csv' | 'json'): string {
  return format === 'json' ? `${JSON.stringify(evaluation, null, 2)}\n` : csvOf(evaluation);
}

function csvOf({ model, cohort, cohortHash, split, measuredAt, report, members }: ModelEvaluation): string {
  const lines: string[][] = [];
  const add = (of: string, name: string, figures: object): void => {
    for (const [figure, value] of Object.entries(figures)) {
      const cells = cellsOf(value);
      if (cells === null) continue;
      lines.push([model, cohort, cohortHash, split, measuredAt, of, name, figure, ...cells]);
    }
  };
  const { perClass, confusion, ...overall } = report.metrics;
  add('all', '', overall);
  for (const { name, atThreshold, ...figures } of perClass) {
    add('class', name, figures);
    if (atThreshold === null) continue;
    const { threshold, sensitivity, specificity } = atThreshold;
    add('class', name, {
      threshold,
      sensitivityAtThreshold: sensitivity,
      specificityAtThreshold: specificity,
    });
  }
  confusion.forEach((row, truth) =>
    add(
      'confusion',
      perClass[truth]?.name ?? String(truth),
      Object.fromEntries(row.map((value, predicted) => [`predicted ${perClass[predicted]?.name ?? predicted}`, value])),
    ),
  );
  for (const { by, name, ...figures } of report.groups) add(by, name, figures);
  for (const { model: member, metrics: figures } of members) add('member', member, figures);
  return csvText(columns, lines);
}

/** Value, low and high; null for what is no figure. */
function cellsOf(value: unknown): [string, string, string] | null {
  if (typeof value === 'number') return [String(value), '', ''];
  if (!isEstimate(value)) return null;
  return [String(value.value), String(value.low), value.high === Number.MAX_VALUE ? '' : String(value.high)];
}

function isEstimate(value: unknown): value is NonNullable<Estimate> {
  return typeof value === 'object' && value !== null && 'value' in value && 'low' in value && 'high' in value;
}
