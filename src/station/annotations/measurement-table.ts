// The measurements of a study as a table for other programs.
import type { Measurement } from '../../contract/annotation.ts';
import { csvText } from '../../contract/csv-text.ts';

const head = [
  'StudyInstanceUID',
  'SeriesInstanceUID',
  'SOPInstanceUID',
  'frame',
  'kind',
  'label',
  'changedAt',
  'points',
  'unit',
  'spacingKind',
];

/** RFC 4180; one column for each name of a measured value; points as `column row` pairs; `unit` is that of the pixels' values, `spacingKind` says what millimetres mean. */
export function measurementTable(measurements: readonly Measurement[]): string {
  const names = [...new Set(measurements.flatMap(({ values }) => Object.keys(values)))].sort();
  const rows = measurements.map((one) => [
    one.studyInstanceUID,
    one.seriesInstanceUID,
    one.sopInstanceUID,
    String(one.frame),
    one.kind,
    one.label,
    one.changedAt,
    one.points.map((point) => point.join(' ')).join('; '),
    one.unit,
    one.spacingKind,
    ...names.map((name) => String(one.values[name as keyof typeof one.values] ?? '')),
  ]);
  return csvText([...head, ...names], rows);
}
