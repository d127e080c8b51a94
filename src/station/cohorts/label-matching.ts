// Brings the rows of a labels file together with the instances they belong to.
import type { SelectedInstance } from './cohort-library.ts';
import type { LabelsFile } from './labels-file.ts';

export interface LabelMatch {
  /** Label by sopInstanceUID; instances with contradicting labels have none. */
  readonly labels: ReadonlyMap<string, string>;
  readonly matchedRows: number;
  /** Rows without key or label. */
  readonly emptyRows: number;
  readonly warnings: readonly string[];
}

/** Matches rows to instances by the file's key column and counts what does not fit. */
export function matchLabels(file: LabelsFile, instances: readonly SelectedInstance[]): LabelMatch {
  const candidates = file.key === 'file' ? byFile(instances) : byKey(instances, file.key);
  const labels = new Map<string, string>();
  const contradicted = new Set<string>();
  const seen = new Map<string, string>();
  const counts = { empty: 0, unmatched: 0, ambiguous: 0, repeated: 0, matched: 0 };
  for (const row of file.rows) {
    if (row.label === '' || row.key === '') {
      counts.empty += 1;
      continue;
    }
    const found = candidates(row.key);
    if (found.length === 0) counts.unmatched += 1;
    // Several files of one name are not several images of one label.
    else if (file.key === 'file' && found.length > 1) counts.ambiguous += 1;
    else {
      counts.matched += 1;
      if (seen.get(row.key) === row.label) counts.repeated += 1;
      seen.set(row.key, row.label);
      for (const { sopInstanceUID } of found) {
        const known = labels.get(sopInstanceUID);
        if (known !== undefined && known !== row.label) contradicted.add(sopInstanceUID);
        else labels.set(sopInstanceUID, row.label);
      }
    }
  }
  for (const sopInstanceUID of contradicted) labels.delete(sopInstanceUID);
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
    contradicted.size,
    'image has contradicting labels and is left out.',
    'images have contradicting labels and are left out.',
  );
  return { labels, matchedRows: counts.matched, emptyRows: counts.empty, warnings };
}

type Candidates = (key: string) => readonly SelectedInstance[];

function byKey(
  instances: readonly SelectedInstance[],
  key: 'sopInstanceUID' | 'studyInstanceUID' | 'patientID',
): Candidates {
  const index = Map.groupBy(instances, (instance) => instance[key]);
  return (value) => index.get(value) ?? [];
}

/**
 * By path: a row may give the whole path, its end, or the bare name. A path from another machine still matches by its
 * name where that name is unique.
 */
function byFile(instances: readonly SelectedInstance[]): Candidates {
  const index = Map.groupBy(instances, ({ path }) => baseName(slashed(path)));
  return (value) => {
    const wanted = slashed(value).replace(/^(\.?\/)+/, '');
    const sameName = index.get(baseName(wanted)) ?? [];
    const sameEnd = sameName.filter(({ path }) => `/${slashed(path)}`.endsWith(`/${wanted}`));
    return sameEnd.length > 0 ? sameEnd : sameName;
  };
}

function slashed(path: string): string {
  return path.replaceAll('\\', '/');
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
