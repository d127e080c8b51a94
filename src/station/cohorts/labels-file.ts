// A labels file: which rows it has, and which column says what they belong to.
import { systemReason } from '../../contract/system-reason.ts';
import { statSync } from 'node:fs';
import path from 'node:path';
import { delimitedRows, textPieces } from './delimited-text.ts';
import { cohortFaults } from './faults.ts';

/** Columns that can name an image, the most exact first: the first one present counts. */
export const labelKeys = ['sopInstanceUID', 'file', 'studyInstanceUID', 'patientID'] as const;
export type LabelKey = (typeof labelKeys)[number];

export interface LabelsFile {
  readonly key: LabelKey;
  readonly columns: readonly string[];
  /** Rows that there are. */
  readonly count: number;
  /** Reads the file anew, a piece at a time, so that memory does not grow with it. */
  rows(): Iterable<LabelRow>;
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
 * Opens a labels file (CSV with comma, semicolon or tab) and looks at all of its rows.
 * @param labelColumn the label's column where it is not called `label`
 * @throws Fault 201–204, 210 or 216, which say what is wrong with the file
 */
export function openLabelsFile(file: string, labelColumn: string | null): LabelsFile {
  const columns = columnsOf(file);
  const labelIndex = placeOf(labelColumn ?? 'label', columns);
  return labelsFile(file, columns, labelIndex === -1 ? null : (row) => row[labelIndex] ?? '', labelColumn ?? 'label');
}

/**
 * As `openLabelsFile`, of several labels for each image: of one column where they are joined by `|`, or of columns of 0 and 1 (yes,
 * no, true, false), one for each label. `label` of a row then is its labels joined by `|`, and `|` alone for none of them.
 * @param labelColumns columns of 0 and 1; null: all of that kind, where no column of labels is named or found
 * @throws as `openLabelsFile`, and fault 225 where there are neither
 */
export function openLabelSetsFile(
  file: string,
  labelColumn: string | null,
  labelColumns: readonly string[] | null,
): LabelsFile & { readonly names: readonly string[] | null } {
  const columns = columnsOf(file);
  const hasLabel = columns.some((column) => plain(column) === 'label');
  if (labelColumns === null && (labelColumn !== null || hasLabel))
    return { ...openLabelsFile(file, labelColumn), names: null };
  const keys = new Set([...labelKeys.map(plain), 'patient']);
  /** By column the first row, of which the header is 1, whose cell is neither yes nor no. */
  const others = new Map<number, number>();
  let rowNumber = 1;
  for (const row of rowsOf(file)) {
    rowNumber += 1;
    for (const [index, cell] of row.entries())
      if (!others.has(index) && indicator(cell) === undefined) others.set(index, rowNumber);
  }
  const names =
    labelColumns ?? columns.filter((column, index) => column !== '' && !keys.has(plain(column)) && !others.has(index));
  if (names.length === 0) throw cohortFaults.noIndicators(columns);
  const places = names.map((name) => {
    const index = placeOf(name, columns);
    const other = others.get(index);
    if (other !== undefined) throw cohortFaults.noIndicator(name, other);
    if (index === -1) throw cohortFaults.labelColumnMissing(name, columns, { ofIndicators: true });
    return index;
  });
  const setOf = (row: readonly string[]): string => {
    const values = places.map((index) => indicator(row[index] ?? '') ?? null);
    // A row that says nothing at all of an image is no label.
    return values.every((value) => value === null)
      ? ''
      : names.filter((_, at) => values[at] === true).join(labelJoint) || labelJoint;
  };
  return { ...labelsFile(file, columns, setOf), names };
}

/** True, false, null for an empty cell; undefined for anything else. */
function indicator(cell: string): boolean | null | undefined {
  if (cell === '') return null;
  if (/^(1(\.0*)?|true|yes)$/i.test(cell)) return true;
  return /^(0(\.0*)?|false|no)$/i.test(cell) ? false : undefined;
}

/** @param labelOf null where there is no column `wanted` of labels */
function labelsFile(
  file: string,
  columns: readonly string[],
  labelOf: ((row: readonly string[]) => string) | null,
  wanted = '',
): LabelsFile {
  if (columns.length === 0) throw cohortFaults.labelsEmpty();
  const found = labelKeys
    .map((key) => ({ key, index: columns.findIndex((column) => plain(column) === plain(key)) }))
    .find(({ index }) => index !== -1);
  if (found === undefined) throw cohortFaults.keyColumnMissing(columns);
  if (labelOf === null) throw cohortFaults.labelColumnMissing(wanted, columns);
  const patientIndex = columns.findIndex(
    (column, index) => ['patient', 'patientid'].includes(plain(column)) && index !== found.index,
  );
  function* rows(): Generator<LabelRow> {
    for (const row of rowsOf(file))
      yield { key: row[found!.index] ?? '', label: labelOf!(row), patient: row[patientIndex] || null };
  }
  let count = 0;
  for (const { label } of rows()) {
    count += 1;
    const isTooLong =
      label.length > maxLabelsCharacters || label.split(labelJoint).some((one) => one.length > maxLabelCharacters);
    if (isTooLong) throw cohortFaults.labelTooLong();
  }
  if (count === 0) throw cohortFaults.labelsEmpty();
  return { key: found.key, columns, count, rows };
}

/** The exact name first: two columns may differ by their case only. −1 where there is none. */
function placeOf(name: string, columns: readonly string[]): number {
  const exact = columns.indexOf(name);
  return exact === -1 ? columns.findIndex((column) => plain(column) === plain(name)) : exact;
}

function columnsOf(file: string): readonly string[] {
  for (const columns of table(file)) return columns;
  return [];
}

function* rowsOf(file: string): Generator<readonly string[]> {
  const rows = table(file);
  rows.next();
  yield* rows;
}

/** The columns, and row after row. */
function* table(file: string): Generator<readonly string[]> {
  try {
    if (statSync(file).size > maxFileBytes) throw cohortFaults.labelsTooLarge(maxFileBytes);
    yield* delimitedRows(textPieces(file));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (typeof code !== 'string') throw error;
    throw cohortFaults.labelsUnreadable(path.basename(file), systemReason(code));
  }
}

/** People write SOPInstanceUID, sop_instance_uid and “Patient ID” for the same thing. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[\s_-]/g, '');
}
