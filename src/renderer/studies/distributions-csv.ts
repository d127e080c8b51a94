// The dashboard as a file: one row a bar.
import type { Distributions } from '../../contract/browse.ts';
import { csvText } from '../../contract/csv-text.ts';

/** Columns field, value, studies (RFC 4180); the first rows are the totals. */
export function distributionsCsv({ distributions, ...totals }: Distributions): string {
  const rows: (string | number)[][] = [];
  for (const [name, value] of Object.entries(totals)) rows.push(['total', name, value]);
  for (const { field, bars } of distributions)
    for (const { label, studies } of bars) rows.push([field, label, studies]);
  return csvText(['field', 'value', 'studies'], rows);
}
