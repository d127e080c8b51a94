// Measurements as a table for other programs.
import type { Measurement } from '../../contract/annotation.ts';
import { csvText } from '../../contract/csv-text.ts';
import type { MeasuredImage, MeasurementStore } from './measurement-store.ts';

const head = [
  'PatientID',
  'AccessionNumber',
  'StudyDate',
  'StudyInstanceUID',
  'SeriesNumber',
  'SeriesDescription',
  'SeriesInstanceUID',
  'InstanceNumber',
  'SOPInstanceUID',
  'frame',
  'kind',
  'label',
  'changedAt',
  'points',
  'unit',
  'spacingKind',
];

/**
 * RFC 4180; one column for each name of a measured value; points as `column row` pairs; `unit` is that of the pixels' values,
 * `spacingKind` says what millimetres mean. What the index says is empty where the image is not here.
 */
export function measurementTable(measurements: readonly Measurement[], imageOf: MeasurementStore['imageOf']): string {
  const names = [...new Set(measurements.flatMap(({ values }) => Object.keys(values)))].sort();
  const rows = measurements.map((one) => {
    const image: Partial<MeasuredImage> = imageOf(one.sopInstanceUID) ?? {};
    return [
      image.patientID ?? '',
      image.accessionNumber ?? '',
      image.studyDate ?? '',
      one.studyInstanceUID,
      image.seriesNumber ?? '',
      image.seriesDescription ?? '',
      one.seriesInstanceUID,
      image.instanceNumber ?? '',
      one.sopInstanceUID,
      one.frame,
      one.kind,
      one.label,
      one.changedAt,
      one.points.map((point) => point.join(' ')).join('; '),
      one.unit,
      one.spacingKind,
      ...names.map((name) => one.values[name] ?? ''),
    ];
  });
  return csvText([...head, ...names], rows);
}
