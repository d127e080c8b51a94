// Brings the rows of a labels file together with the images they belong to.
import { baseName, type DraftTable, slashed } from './draft-table.ts';
import type { LabelsFile } from './labels-file.ts';
import type { Turns } from './turns.ts';

export interface LabelMatch {
  readonly matchedRows: number;
  /** Rows whose file name several files have, so that it labels none. */
  readonly ambiguousRows: number;
  /** Rows without key or label. */
  readonly emptyRows: number;
  readonly warnings: readonly string[];
}

/** Labels a draft's images by the file's key column and counts what does not fit. */
export async function matchLabels(
  file: Pick<LabelsFile, 'key' | 'rows' | 'count'>,
  table: DraftTable,
  turns: Turns,
): Promise<LabelMatch> {
  const counts = { empty: 0, unmatched: 0, ambiguous: 0, repeated: 0, matched: 0 };
  await turns.stage('label', file.count).each(file.rows(), ({ key, label }) => {
    if (label === '' || key === '') {
      counts.empty += 1;
      return;
    }
    const found = file.key === 'file' ? labelFile(table, key, label) : table.label(file.key, key, label);
    if (found === 0) counts.unmatched += 1;
    else if (file.key === 'file' && found > 1) counts.ambiguous += 1;
    else {
      counts.matched += 1;
      if (table.noteLabel(key, label) === label) counts.repeated += 1;
    }
  });
  const { contradicted } = table.labelled();
  const warnings: string[] = [];
  const warn = (count: number, one: string, many: string): void => {
    if (count > 0) warnings.push(count === 1 ? `1 ${one}` : `${count} ${many}`);
  };
  warn(
    counts.unmatched,
    'row of the labels file matches no chosen image.',
    'rows of the labels file match no chosen image.',
  );
  warn(
    counts.ambiguous,
    'row of the labels file names a file that exists more than once; write more of its path.',
    'rows of the labels file name a file that exists more than once; write more of its path.',
  );
  warn(
    counts.empty,
    'row of the labels file is without key or label.',
    'rows of the labels file are without key or label.',
  );
  warn(counts.repeated, 'row of the labels file repeats another.', 'rows of the labels file repeat others.');
  warn(
    contradicted,
    'image has contradicting labels and is left out.',
    'images have contradicting labels and are left out.',
  );
  return { matchedRows: counts.matched, ambiguousRows: counts.ambiguous, emptyRows: counts.empty, warnings };
}

/**
 * By path: a row may give the whole path, its end, or the bare name. A path from another machine still matches by its
 * name where that name is unique. Several files of one name are not several images of one label: none of them gets it.
 */
function labelFile(table: DraftTable, key: string, label: string): number {
  const wanted = slashed(key).replace(/^(\.?\/)+/, '');
  const found = table.ofFile(baseName(wanted), `/${wanted}`);
  const [only = ''] = found;
  if (found.length === 1) table.label('sopInstanceUID', only, label);
  return found.length;
}
