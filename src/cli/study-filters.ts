// `--filter field=value`: filters of the study list as they are typed.
import { InvalidArgumentError } from 'commander';
import { type StudyFilterInput, studyFilterSchema } from '../contract/study-filter.ts';

const ranges = { age: 'patientAgeYears', 'slice-thickness': 'sliceThicknessMm', images: 'instances' } as const;
const choices = {
  modality: 'modality',
  sex: 'patientSex',
  'body-part': 'bodyPartExamined',
  manufacturer: 'manufacturer',
  model: 'manufacturerModelName',
  'transfer-syntax': 'transferSyntaxUID',
  label: 'label',
} as const;

export const studyFilterHelp = `a condition that must hold, may be repeated: modality=CT,MR  date=2024-01-01..2024-12-31  date=last30
sex=F  age=40..70  body-part=CHEST  manufacturer=SIEMENS  model=…  slice-thickness=..1.5  description=…
images=10..  imported=last7  imported=2026-01-31  labels=yes  label=nodule  findings=yes  cohort=NAME  transfer-syntax=UID`;

/** One more `--filter`. Either end of a range may be left out; both belong to it. */
export function studyFilterOption(text: string, earlier: readonly StudyFilterInput[]): StudyFilterInput[] {
  const at = text.indexOf('=');
  const field = text.slice(0, at).trim();
  const value = text.slice(at + 1).trim();
  if (at < 1 || value === '') throw new InvalidArgumentError('is written field=value, for example modality=CT.');
  const filter = parsed(field, value);
  const checked = studyFilterSchema.safeParse(filter);
  if (!checked.success) throw new InvalidArgumentError(`${field}: ${checked.error.issues[0]?.message ?? 'not valid'}.`);
  return [...earlier, filter];
}

function parsed(field: string, value: string): StudyFilterInput {
  const choice = lookUp(choices, field);
  if (choice) return { field: choice, anyOf: value.split(',').map((one) => one.trim()) };
  const ranged = lookUp(ranges, field);
  if (ranged) return { field: ranged, ...range(field, value) };
  switch (field) {
    case 'date': {
      const lastDays = last(value);
      if (lastDays !== null) return { field: 'studyDate', lastDays };
      const [from = '', to = from] = value.split('..');
      return { field: 'studyDate', from: from === '' ? null : day(from), to: to === '' ? null : day(to) };
    }
    case 'imported': {
      const lastDays = last(value);
      return lastDays === null ? { field: 'imported', from: day(value) } : { field: 'imported', lastDays };
    }
    case 'description':
      return { field: 'description', contains: value };
    case 'cohort':
      return { field: 'cohort', name: value };
    case 'labels':
    case 'findings':
      if (value !== 'yes' && value !== 'no') throw new InvalidArgumentError(`${field} is yes or no.`);
      return { field, has: value === 'yes' };
    default: {
      const known = [
        ...Object.keys(choices),
        ...Object.keys(ranges),
        'date',
        'imported',
        'description',
        'labels',
        'findings',
      ];
      throw new InvalidArgumentError(`there is no field ${field}. Known: ${[...known, 'cohort'].join(', ')}.`);
    }
  }
}

function lookUp<Value>(table: Record<string, Value>, name: string): Value | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

function range(field: string, value: string): { min: number | null; max: number | null } {
  const [min = '', max = min] = value.split('..');
  const end = (text: string): number | null => {
    if (text === '') return null;
    const parsedEnd = Number(text);
    if (!Number.isFinite(parsedEnd)) throw new InvalidArgumentError(`${field} is a range of numbers, as 1..5.`);
    return parsedEnd;
  };
  return { min: end(min), max: end(max) };
}

function last(value: string): number | null {
  const days = /^last(\d{1,5})d?$/.exec(value)?.[1];
  return days === undefined ? null : Number(days);
}

/** 2024-01-31 or 20240131 as DICOM writes it. */
function day(text: string): string {
  const digits = /^(\d{4})-?(\d{2})-?(\d{2})$/.exec(text);
  const [year, month, ofMonth] = (digits ?? []).slice(1).map(Number);
  // A 30th of February would be another day.
  const there = new Date(Date.UTC(year ?? 0, (month ?? 0) - 1, ofMonth));
  if (!digits || there.getUTCMonth() + 1 !== month || there.getUTCDate() !== ofMonth)
    throw new InvalidArgumentError(`${text} is no date; write 2024-01-31.`);
  return digits.slice(1).join('');
}
