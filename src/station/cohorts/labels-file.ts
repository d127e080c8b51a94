// A labels file: which rows it has, and which column says what they belong to.
import { readFileSync, statSync } from 'node:fs';
import { decodeText, parseDelimitedText } from './delimited-text.ts';
import { cohortFaults } from './faults.ts';

/** Columns that can name an image, the most exact first: the first one present counts. */
export const labelKeys = ['sopInstanceUID', 'file', 'studyInstanceUID', 'patientID'] as const;
export type LabelKey = (typeof labelKeys)[number];

export interface LabelsFile {
  readonly key: LabelKey;
  readonly columns: readonly string[];
  readonly rows: readonly LabelRow[];
}

export interface LabelRow {
  readonly key: string;
  readonly label: string;
  /** Of a column patient or patientID beside the key; null where there is none or it is empty. */
  readonly patient: string | null;
}

const maxFileBytes = 256 * 2 ** 20;
const maxLabelCharacters = 100;

/**
 * Reads a labels file (CSV with comma, semicolon or tab).
 * @param labelColumn the label's column where it is not called `label`
 * @throws Fault 201–204, 210 or 216, which say what is wrong with the file
 */
export function readLabelsFile(file: string, labelColumn: string | null): LabelsFile {
  const { columns, rows } = parseDelimitedText(decodeText(readBytes(file)));
  if (columns.length === 0) throw cohortFaults.labelsEmpty();
  const found = labelKeys
    .map((key) => ({ key, index: columns.findIndex((column) => plain(column) === plain(key)) }))
    .find(({ index }) => index !== -1);
  const wanted = labelColumn ?? 'label';
  // The exact name first: two columns may differ by their case only.
  const exact = columns.indexOf(wanted);
  const labelIndex = exact === -1 ? columns.findIndex((column) => plain(column) === plain(wanted)) : exact;
  if (found === undefined) throw cohortFaults.keyColumnMissing(columns);
  if (labelIndex === -1) throw cohortFaults.labelColumnMissing(wanted, columns);
  if (rows.length === 0) throw cohortFaults.labelsEmpty();
  const patientIndex = columns.findIndex(
    (column, index) => ['patient', 'patientid'].includes(plain(column)) && index !== found.index,
  );
  const labelled = rows.map((row) => ({
    key: row[found.index] ?? '',
    label: row[labelIndex] ?? '',
    patient: row[patientIndex] || null,
  }));
  if (labelled.some(({ label }) => label.length > maxLabelCharacters)) throw cohortFaults.labelTooLong();
  return { key: found.key, columns, rows: labelled };
}

function readBytes(file: string): Uint8Array {
  try {
    if (statSync(file).size > maxFileBytes) throw cohortFaults.labelsTooLarge(maxFileBytes);
    return readFileSync(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (typeof code !== 'string') throw error;
    throw cohortFaults.labelsUnreadable(code === 'ENOENT' ? 'it does not exist' : code);
  }
}

/** People write SOPInstanceUID, sop_instance_uid and “Patient ID” for the same thing. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[\s_-]/g, '');
}
