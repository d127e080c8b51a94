// The rows of a labels file, looked up for each file of an import as it comes by.
import type { LabelRow, LabelTable } from '../../cohorts/labels-file.ts';
import type { PlacedFile } from './labelling.ts';

export interface LabelRows {
  labelOf(placed: PlacedFile): string | null;
  patientOf(source: string): string | null;
  /** SOP Instance UIDs of files that share a row that means one file. */
  ambiguous(): Set<string>;
  notes(): string[];
}

interface Row extends LabelRow {
  /** Instances that took this row. */
  readonly taken: Set<string>;
}

/**
 * By file: a row may give the whole path, its end, or the bare name; the longest agreement counts. A path from another
 * machine still matches by its name where that name has one row. By UID or patient: as it stands in the header.
 */
export function labelRows(file: LabelTable): LabelRows {
  const rows: Row[] = file.rows.map((row) => ({ ...row, taken: new Set() }));
  const index = Map.groupBy(rows, ({ key }) => (file.key === 'file' ? baseName(slashed(key)) : key));

  function rowsOfFile(source: string): readonly Row[] {
    const path = slashed(source);
    const sameName = index.get(baseName(path)) ?? [];
    let best: Row[] = [];
    let bestAgreement = 0;
    for (const row of sameName) {
      const agreement = agreeingParts(path, slashed(row.key));
      if (agreement > bestAgreement) [best, bestAgreement] = [[], agreement];
      if (agreement === bestAgreement) best.push(row);
    }
    return best;
  }

  const rowsOf = ({ source, record }: PlacedFile): readonly Row[] =>
    file.key === 'file' ? rowsOfFile(source) : (index.get(record[file.key]) ?? []);
  /** What several rows that fit equally well say together: nothing where they differ. */
  const common = <Value>(found: readonly Row[], valueOf: (row: Row) => Value): Value | null =>
    found.every((row) => valueOf(row) === valueOf(found[0]!)) && found[0] !== undefined ? valueOf(found[0]) : null;

  const isAmbiguous = ({ taken }: Row): boolean => file.key === 'file' && taken.size > 1;
  return {
    labelOf(placed) {
      const found = rowsOf(placed);
      for (const { taken } of found) taken.add(placed.record.sopInstanceUID);
      return common(found, ({ label }) => label) || null;
    },
    patientOf: (source) => (file.key === 'file' ? common(rowsOfFile(source), ({ patient }) => patient) : null),
    ambiguous: () => new Set(rows.filter(isAmbiguous).flatMap(({ taken }) => [...taken])),
    notes() {
      const unused = rows.filter(({ taken }) => taken.size === 0).length;
      const ambiguous = rows.filter(isAmbiguous).length;
      return [
        ...(unused === 0
          ? []
          : [
              `${unused} ${unused === 1 ? 'row of the labels file fits' : 'rows of the labels file fit'} no imported file.`,
            ]),
        ...(ambiguous === 0
          ? []
          : [
              `${ambiguous} ${ambiguous === 1 ? 'row of the labels file fits' : 'rows of the labels file fit'} several files, which are left without a label: write more of their paths.`,
            ]),
      ];
    },
  };
}

/** How many parts of two paths agree, counted from their ends; the name is one of them. */
function agreeingParts(path: string, key: string): number {
  const parts = path.split('/');
  const wanted = key.replace(/^(\.?\/)+/, '').split('/');
  let agreeing = 0;
  while (
    agreeing < Math.min(parts.length, wanted.length) &&
    parts[parts.length - 1 - agreeing] === wanted[wanted.length - 1 - agreeing]
  )
    agreeing += 1;
  return agreeing;
}

const slashed = (path: string): string => path.replaceAll('\\', '/');
const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
