// A labels file: which rows it has, and which column says what they belong to.
import { readFileSync, statSync } from 'node:fs';
import { decodeText, type DelimitedTable, parseDelimitedText } from './delimited-text.ts';
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
/** Of all labels of one image. */
const maxLabelsCharacters = 5_000;

/** Between several labels of one image. */
export const labelJoint = '|';

/**
 * Reads a labels file (CSV with comma, semicolon or tab).
 * @param labelColumn the label's column where it is not called `label`
 * @throws Fault 201–204, 210 or 216, which say what is wrong with the file
 */
export function readLabelsFile(file: string, labelColumn: string | null): LabelsFile {
  return labelsFile(parseDelimitedText(decodeText(readBytes(file))), labelColumn);
}

/**
 * As `readLabelsFile`, of several labels for each image: of one column where they are joined by `|`, or of columns of 0 and 1 (yes,
 * no, true, false), one for each label. `label` of a row then is its labels joined by `|`, and `|` alone for none of them.
 * @param labelColumns columns of 0 and 1; null: all of that kind, where no column of labels is named or found
 * @throws as `readLabelsFile`, and fault 225 where there are neither
 */
export function readLabelSetsFile(
  file: string,
  labelColumn: string | null,
  labelColumns: readonly string[] | null,
): LabelsFile & { readonly names: readonly string[] | null } {
  const table = parseDelimitedText(decodeText(readBytes(file)));
  const hasLabel = table.columns.some((column) => plain(column) === 'label');
  if (labelColumns === null && (labelColumn !== null || hasLabel))
    return { ...labelsFile(table, labelColumn), names: null };
  const keys = new Set([...labelKeys.map(plain), 'patient']);
  const isIndicator = (index: number): boolean => table.rows.every((row) => indicator(row[index] ?? '') !== undefined);
  const names =
    labelColumns ??
    table.columns.filter((column, index) => column !== '' && !keys.has(plain(column)) && isIndicator(index));
  if (names.length === 0) throw cohortFaults.noIndicators(table.columns);
  const places = names.map((name) => {
    const exact = table.columns.indexOf(name);
    const index = exact === -1 ? table.columns.findIndex((column) => plain(column) === plain(name)) : exact;
    if (index === -1 || !isIndicator(index)) throw cohortFaults.labelColumnMissing(name, table.columns);
    return index;
  });
  const sets = table.rows.map((row) => {
    const values = places.map((index) => indicator(row[index] ?? '') ?? null);
    // A row that says nothing at all of an image is no label.
    return values.every((value) => value === null)
      ? ''
      : names.filter((_, at) => values[at] === true).join(labelJoint) || labelJoint;
  });
  const rows = table.rows.map((row, at) => [...row, sets[at]!]);
  return { ...labelsFile({ columns: [...table.columns, '\0sets'], rows }, '\0sets'), columns: table.columns, names };
}

/** True, false, null for an empty cell; undefined for anything else. */
function indicator(cell: string): boolean | null | undefined {
  if (cell === '') return null;
  if (/^(1(\.0*)?|true|yes)$/i.test(cell)) return true;
  return /^(0(\.0*)?|false|no)$/i.test(cell) ? false : undefined;
}

function labelsFile({ columns, rows }: DelimitedTable, labelColumn: string | null): LabelsFile {
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
  const isTooLong = (label: string): boolean =>
    label.length > maxLabelsCharacters || label.split(labelJoint).some((one) => one.length > maxLabelCharacters);
  if (labelled.some(({ label }) => isTooLong(label))) throw cohortFaults.labelTooLong();
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
