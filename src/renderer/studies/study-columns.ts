// The columns that the study list can show: label, text and first width of each.
import type { StudyColumn, StudyLayout } from '../../contract/browse.ts';
import type { Study } from '../../contract/dicom.ts';
import { count, counted, dicomDate, dicomTime, personName } from '../ui/format.ts';

interface ColumnKind {
  readonly label: string;
  readonly widthPx: number;
  /** Until it is resized, it takes so much of a wide window's room, against 1 of the description. */
  readonly roomShare?: number;
  readonly isNumber?: boolean;
  readonly text: (study: Study) => string;
}

const moment = new Intl.DateTimeFormat('en-CA', { dateStyle: 'short' });

const distinct = (values: readonly string[]): string => [...new Set(values.filter((value) => value !== ''))].join(', ');

export const columnKinds: Record<StudyColumn, ColumnKind> = {
  patientName: { label: 'Patient', widthPx: 136, roomShare: 0.35, text: ({ patientName }) => personName(patientName) },
  patientID: { label: 'ID', widthPx: 108, roomShare: 0.2, text: ({ patientID }) => patientID },
  patientBirthDate: {
    label: 'Born',
    widthPx: 96,
    text: ({ patientBirthDate: date }) => (date === '' ? '' : dicomDate(date)),
  },
  patientSex: { label: 'Sex', widthPx: 56, text: ({ patientSex }) => patientSex },
  patientAgeYears: {
    label: 'Age',
    widthPx: 60,
    isNumber: true,
    text: ({ patientAgeYears: age }) =>
      age === null ? '' : age < 2 ? `${Math.round(age * 12)} mo` : `${Math.floor(age)}`,
  },
  studyDate: { label: 'Date', widthPx: 88, text: ({ studyDate }) => (studyDate === '' ? '' : dicomDate(studyDate)) },
  studyTime: { label: 'Time', widthPx: 72, text: ({ studyTime }) => dicomTime(studyTime) },
  institutionName: { label: 'Institution', widthPx: 140, text: ({ institutionName }) => institutionName },
  description: { label: 'Description', widthPx: 110, text: ({ description }) => description },
  modalities: { label: 'Modality', widthPx: 76, roomShare: 0.15, text: ({ modalities }) => modalities.join(', ') },
  bodyParts: {
    label: 'Body part',
    widthPx: 110,
    text: ({ series }) => distinct(series.map(({ bodyPartExamined }) => bodyPartExamined)),
  },
  manufacturers: {
    label: 'Manufacturer',
    widthPx: 150,
    text: ({ series }) => distinct(series.map(({ manufacturer }) => manufacturer)),
  },
  manufacturerModelNames: {
    label: 'Model',
    widthPx: 140,
    text: ({ series }) => distinct(series.map(({ manufacturerModelName }) => manufacturerModelName)),
  },
  sliceThicknessesMm: {
    label: 'Slice thickness',
    widthPx: 120,
    text: ({ series }) =>
      [...new Set(series.flatMap(({ sliceThicknessMm: mm }) => (mm === null ? [] : [Number(mm.toFixed(2))])))]
        .sort((a, b) => a - b)
        .map((mm) => `${mm} mm`)
        .join(', '),
  },
  accessionNumber: { label: 'Accession', widthPx: 110, text: ({ accessionNumber }) => accessionNumber },
  series: { label: 'Series', widthPx: 76, isNumber: true, text: ({ series }) => count(series.length) },
  instances: {
    label: 'Images',
    widthPx: 108,
    isNumber: true,
    text: ({ instances, images, frames }) =>
      images === 0
        ? counted(instances, 'object')
        : frames > images
          ? `${count(images)} · ${count(frames)} frames`
          : count(images),
  },
  importedMs: {
    label: 'Imported',
    widthPx: 100,
    text: ({ importedMs }) => (importedMs === 0 ? '' : moment.format(importedMs)),
  },
};

/** Height of a row of list and tree. */
export const rowHeightsPx: Readonly<Record<StudyLayout['density'], number>> = { compact: 28, comfortable: 38 };

const firstColumns: readonly StudyColumn[] = [
  'patientName',
  'patientID',
  'studyDate',
  'description',
  'modalities',
  'instances',
];

export const firstLayout: StudyLayout = {
  columns: firstColumns.map((column) => ({ column, widthPx: columnKinds[column].widthPx })),
  density: 'comfortable',
  view: 'list',
  hasSidebar: true,
  hasPreview: true,
};
