// What the index keeps of one file: the fields of its header that identify, sort and show it.
import type { DataSet } from './dataset.ts';
import { tags } from './tags.ts';
import { type CheckedAttributes, checkedAttributes } from './validation/checked-attributes.ts';
import { numbersOf, textOf, topDecoder } from './values.ts';

export interface InstanceRecord extends CheckedAttributes {
  readonly sopInstanceUID: string;
  readonly sopClassUID: string;
  readonly studyInstanceUID: string;
  readonly seriesInstanceUID: string;
  readonly transferSyntaxUID: string;
  readonly patientID: string;
  readonly patientName: string;
  readonly patientBirthDate: string;
  readonly patientSex: string;
  /** From PatientAge, or from birth and study date. */
  readonly patientAgeYears: number | null;
  readonly studyDate: string;
  readonly studyTime: string;
  readonly institutionName: string;
  readonly studyDescription: string;
  readonly accessionNumber: string;
  readonly modality: string;
  readonly seriesDescription: string;
  readonly seriesNumber: number | null;
  readonly bodyPartExamined: string;
  readonly manufacturer: string;
  readonly manufacturerModelName: string;
  readonly sliceThicknessMm: number | null;
  readonly instanceNumber: number | null;
  readonly frames: number;
  /** 0 where there is no pixel data. */
  readonly rows: number;
  readonly columns: number;
  /** Millimetres along the slice normal; null without ImagePositionPatient. */
  readonly position: number | null;
  /** The slice normal, rounded: positions compare only where it is the same. */
  readonly normal: string;
  /** In bytes from the file's start; null without pixel data or in a deflated file. */
  readonly pixelOffset: number | null;
  readonly pixelBytes: number | null;
  /** Why the file could not be read to its end; null where it could. */
  readonly damaged: string | null;
}

const mediaStorageDirectory = '1.2.840.10008.1.3.10';

/** Whether the file is a DICOMDIR: an index of other files, no instance. */
export function isDirectoryFile(dataSet: DataSet): boolean {
  const sopClass = textOf(dataSet, dataSet.meta.get(tags.MediaStorageSOPClassUID), topDecoder(dataSet));
  return sopClass === mediaStorageDirectory || dataSet.elements.has(tags.DirectoryRecordSequence);
}

/** The record of an instance, or the reason why the file cannot be one. */
export function instanceRecord(dataSet: DataSet): InstanceRecord | { readonly reason: string } {
  const decode = topDecoder(dataSet);
  const text = (tag: number, limit = 1_024): string => textOf(dataSet, dataSet.elements.get(tag), decode, limit);
  const number = (tag: number): number | null => {
    const [value] = numbersOf(dataSet, dataSet.elements.get(tag), 1);
    return value === undefined || !Number.isFinite(value) ? null : value;
  };
  const count = (tag: number): number => Math.max(0, Math.min(0x7fffffff, Math.trunc(number(tag) ?? 0)));
  const meta = (tag: number): string => textOf(dataSet, dataSet.meta.get(tag), decode, 1_024);

  const identity = {
    sopInstanceUID: text(tags.SOPInstanceUID) || meta(tags.MediaStorageSOPInstanceUID),
    studyInstanceUID: text(tags.StudyInstanceUID),
    seriesInstanceUID: text(tags.SeriesInstanceUID),
  };
  const reason = identityFault(identity, dataSet.damaged);
  if (reason !== null) return { reason };

  const pixels = dataSet.pixelData;
  const patientBirthDate = dashless(text(tags.PatientBirthDate));
  const studyDate = dashless(text(tags.StudyDate));
  const { position, normal } = slicePosition(dataSet);
  const sopClassUID = text(tags.SOPClassUID) || meta(tags.MediaStorageSOPClassUID);
  const modality = text(tags.Modality);
  return {
    ...identity,
    ...checkedAttributes(dataSet, sopClassUID, modality),
    sopClassUID,
    transferSyntaxUID: dataSet.transferSyntaxUID,
    patientID: text(tags.PatientID),
    patientName: text(tags.PatientName),
    patientBirthDate,
    patientSex: text(tags.PatientSex),
    patientAgeYears: ageYears(text(tags.PatientAge, 16), patientBirthDate, studyDate),
    studyDate,
    studyTime: text(tags.StudyTime, 16),
    institutionName: text(tags.InstitutionName, 256),
    studyDescription: text(tags.StudyDescription),
    accessionNumber: text(tags.AccessionNumber),
    modality,
    seriesDescription: text(tags.SeriesDescription),
    seriesNumber: number(tags.SeriesNumber),
    bodyPartExamined: text(tags.BodyPartExamined, 64).toUpperCase(),
    manufacturer: text(tags.Manufacturer, 256),
    manufacturerModelName: text(tags.ManufacturerModelName, 256),
    sliceThicknessMm: number(tags.SliceThickness),
    instanceNumber: number(tags.InstanceNumber),
    frames: pixels === null ? 0 : Math.max(1, count(tags.NumberOfFrames)),
    rows: pixels === null ? 0 : count(tags.Rows),
    columns: pixels === null ? 0 : count(tags.Columns),
    position,
    normal,
    pixelOffset: pixels === null || dataSet.deflated ? null : pixels.offset,
    pixelBytes: pixels === null || dataSet.deflated || pixels.encapsulated ? null : pixels.length,
    damaged: dataSet.damaged,
  };
}

/** Dates of the ACR-NEMA form YYYY.MM.DD (PS3.5 6.2 note 3) as today's DA. */
const dashless = (date: string): string => date.replace(/^(\d{4})\.(\d\d)\.(\d\d)$/, '$1$2$3');

/** Days, weeks, months and years of VR AS (PS3.5 6.2) in years. */
const yearsPer: Record<string, number> = { D: 1 / 365.25, W: 7 / 365.25, M: 1 / 12, Y: 1 };

function ageYears(patientAge: string, birthDate: string, studyDate: string): number | null {
  const [, count, unit] = /^(\d{1,3})([DWMY])$/.exec(patientAge) ?? [];
  if (count !== undefined && unit !== undefined) return Math.round(Number(count) * yearsPer[unit]! * 100) / 100;
  const born = dayOf(birthDate);
  const studied = dayOf(studyDate);
  if (born === null || studied === null || studied < born) return null;
  return Math.floor((studied - born) / 86_400_000 / 365.25);
}

function dayOf(date: string): number | null {
  const [, year, month, day] = /^(\d{4})(\d\d)(\d\d)$/.exec(date) ?? [];
  if (day === undefined) return null;
  const at = Date.UTC(Number(year), Number(month) - 1, Number(day));
  return Number.isNaN(at) ? null : at;
}

function identityFault(identity: Record<string, string>, damaged: string | null): string | null {
  const names: Record<string, string> = {
    sopInstanceUID: 'SOP Instance UID',
    studyInstanceUID: 'Study Instance UID',
    seriesInstanceUID: 'Series Instance UID',
  };
  for (const [key, name] of Object.entries(names)) {
    const uid = identity[key] ?? '';
    if (uid === '' && damaged !== null) return `Damaged before it can be identified (no ${name}): ${damaged}.`;
    if (uid === '') return `No ${name}: the file cannot be placed in a study.`;
    if (!/^[0-9.]{1,64}$/.test(uid)) return `The ${name} is not a valid UID.`;
  }
  return null;
}

/** Position along the slice normal (PS3.3 C.7.6.2.1.1). */
function slicePosition(dataSet: DataSet): { position: number | null; normal: string } {
  const at = numbersOf(dataSet, dataSet.elements.get(tags.ImagePositionPatient), 3);
  const [a, b, c, d, e, f] = numbersOf(dataSet, dataSet.elements.get(tags.ImageOrientationPatient), 6);
  if (at.length !== 3 || f === undefined) return { position: null, normal: '' };
  const normal = [b! * f - c! * e!, c! * d! - a! * f, a! * e! - b! * d!];
  const position = normal.reduce((sum, component, axis) => sum + component * at[axis]!, 0);
  if (!Number.isFinite(position)) return { position: null, normal: '' };
  return {
    position,
    normal: normal.map((component) => (component + 0).toFixed(3).replace(/^-0\.000$/, '0.000')).join(' '),
  };
}
