// Numbers, dates and names as a person reads them.
export { duration } from '../../contract/duration.ts';

const groups = new Intl.NumberFormat('en');
const moment = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });

export function count(value: number): string {
  return groups.format(value);
}

/** `1 study`, `2 studies`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** `2 studies and 1 series`; empty where there is none of both. */
export function studiesAndSeries(studies: number, series: number): string {
  const parts = [studies > 0 ? counted(studies, 'study', 'studies') : '', series > 0 ? `${count(series)} series` : ''];
  return parts.filter((part) => part !== '').join(' and ');
}

const instanceWords: Readonly<Record<string, string>> = {
  SR: 'report',
  KO: 'selection',
  SEG: 'segmentation',
  RTSTRUCT: 'structure set',
  RTPLAN: 'plan',
  RTDOSE: 'dose',
  PR: 'presentation state',
  REG: 'registration',
  ANN: 'object',
  DOC: 'document',
  ECG: 'recording',
  RWV: 'table',
};

/** What a series, study or patient holds. */
interface Held {
  readonly instances: number;
  readonly images: number;
  /** Of images. */
  readonly frames: number;
}

/**
 * How much is held, by what the modality makes: `1 report`, `60 images`; objects where none is an image; with frames where some are
 * multi-frame, on a line of their own where there is no room: `1 image · 96 frames`. What a study holds beside its images is not told.
 */
export function countedInstances({ instances, images, frames }: Held, modality = ''): string {
  const word = instanceWords[modality] ?? (images === 0 ? 'object' : 'image');
  const held = counted(word === 'image' ? images : instances, word);
  return frames > images ? `${held}\u00A0· ${count(frames)}\u00A0frames` : held;
}

/** A series by its description, else by its number. */
export function seriesName({
  description,
  seriesNumber,
}: {
  readonly description: string;
  readonly seriesNumber: number | null;
}): string {
  return description || (seriesNumber === null ? 'Series' : `Series ${seriesNumber}`);
}

/**
 * A patient's age at the study as a person says it, in months below two years; empty where it is unknown. An age of 0 without a
 * date of birth is what scanners write where nobody entered one (PatientAge 000Y).
 */
export function ageText(years: number | null, birthDate: string): string {
  if (years === null || (years === 0 && birthDate === '')) return '';
  return years < 2 ? `${Math.round(years * 12)} mo` : `${Math.floor(years)} y`;
}

/** A DICOM date (YYYYMMDD) as YYYY-MM-DD; an en dash for none, anything else as it stands. */
export function dicomDate(value: string): string {
  if (value === '') return '–';
  return /^\d{8}$/.test(value) ? `${value.slice(0, 4)}-${value.slice(4, 6)}-${value.slice(6)}` : value;
}

/** A DICOM time (HHMMSS.FFFFFF, cut anywhere) as HH:MM:SS without the fraction; anything else as it stands. */
export function dicomTime(value: string): string {
  const [, hours, minutes, seconds] = /^(\d\d)(?:(\d\d)(\d\d)?)?/.exec(value) ?? [];
  return hours === undefined ? value : [hours, minutes, seconds].filter((part) => part !== undefined).join(':');
}

/** A DICOM date and time in one line; empty where there is neither. */
export function dicomMoment(date: string, time: string): string {
  return [date === '' ? '' : dicomDate(date), dicomTime(time)].filter((part) => part !== '').join(' ');
}

/** A DICOM person name (`Family^Given^Middle`) as `Family, Given Middle`. */
export function personName(value: string): string {
  const [family = '', ...rest] = (value.split('=')[0] ?? '').split('^').map((part) => part.trim());
  const given = rest.filter((part) => part !== '').join(' ');
  return [family, given].filter((part) => part !== '').join(', ') || '–';
}

export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let scaled = value;
  let unit = 0;
  while (Math.round(scaled) >= 1_000 && unit < units.length - 1) {
    scaled /= 1_000;
    unit += 1;
  }
  return `${scaled < 10 && unit > 0 ? scaled.toFixed(1) : Math.round(scaled)} ${units[unit]}`;
}

/** An ISO time in the person's zone. */
export function when(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? iso : moment.format(date);
}

export function ratio(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : value.toFixed(3);
}

/** A fingerprint in groups of four, for reading aloud. */
export function fingerprintGroups(hex: string): string[] {
  return hex.toUpperCase().match(/.{1,4}/g) ?? [];
}
