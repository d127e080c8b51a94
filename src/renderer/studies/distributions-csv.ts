// The dashboard as a file: one row a bar.
import type { Distributions } from '../../contract/browse.ts';

/** Columns field, value, studies (RFC 4180); the first rows are the totals. */
export function distributionsCsv({ distributions, ...totals }: Distributions): string {
  const rows: (string | number)[][] = [['field', 'value', 'studies']];
  for (const [name, value] of Object.entries(totals)) rows.push(['total', name, value]);
  for (const { field, bars } of distributions)
    for (const { label, studies } of bars) rows.push([field, label, studies]);
  return `${rows.map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`;
}

/** Text that a spreadsheet would take for a formula is marked as text: the values come from files of others. */
function cell(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const harmless = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
