// Filters as a person reads them.
import type { StudyFilter, StudyFilterField } from '../../contract/study-filter.ts';
import { count, counted, dicomDate } from '../ui/format.ts';

export const filterLabels: Record<StudyFilterField, string> = {
  modality: 'Modality',
  studyDate: 'Study date',
  patientSex: 'Sex',
  patientAgeYears: 'Age',
  bodyPartExamined: 'Body part',
  manufacturer: 'Manufacturer',
  manufacturerModelName: 'Model',
  sliceThicknessMm: 'Slice thickness',
  description: 'Description',
  instances: 'Images',
  imported: 'Imported',
  transferSyntaxUID: 'Transfer syntax',
  labels: 'Has labels',
  label: 'Label',
  findings: 'Has findings',
  patient: 'Patient',
  cohort: 'Cohort',
  studyInstanceUID: 'Studies',
};

/** What a filter says after its label: `CT, MR`, `40–70`, `last 30 days`. */
export function filterWords(filter: StudyFilter): string {
  switch (filter.field) {
    case 'studyInstanceUID':
      return `${filter.isExcluded ? 'all but ' : ''}${count(filter.anyOf.length)} chosen`;
    case 'studyDate':
      if (filter.lastDays !== null) return lastWords(filter.lastDays);
      return rangeWords(filter.from && dicomDate(filter.from), filter.to && dicomDate(filter.to));
    case 'imported':
      return filter.lastDays === null ? `since ${dicomDate(filter.from ?? '')}` : lastWords(filter.lastDays);
    case 'patientAgeYears':
      // A bar's range ends just below the next one's start.
      return `${rangeWords(filter.min, filter.max === null ? null : Math.floor(filter.max))} years`;
    case 'sliceThicknessMm':
      return `${rangeWords(filter.min, filter.max)} mm`;
    case 'instances':
      return rangeWords(filter.min, filter.max);
    case 'description':
      return `contains “${filter.contains}”`;
    case 'labels':
    case 'findings':
      return filter.has ? 'yes' : 'no';
    case 'patient':
      return counted(filter.patients.length, 'patient');
    case 'cohort':
      return filter.name;
    default:
      return filter.anyOf.map((value) => (value === '' ? 'not stated' : value)).join(', ');
  }
}

function lastWords(days: number): string {
  if (days === 1) return 'today';
  return `last ${count(days)} days`;
}

function rangeWords(from: string | number | null, to: string | number | null): string {
  if (from === null) return `up to ${to ?? '…'}`;
  if (to === null) return `from ${from}`;
  return from === to ? String(from) : `${from}–${to}`;
}
