// The ledger as a file for others: JSON with everything that a check of the chain needs, or a table.
import { csvText } from '../contract/csv-text.ts';
import type { LedgerEntry } from '../contract/ledger.ts';
import { ledgerRow } from '../contract/ledger-acts.ts';

/** @param entries oldest first */
export function ledgerExport(entries: readonly LedgerEntry[], format: 'csv' | 'json'): string {
  if (format === 'json') return `${JSON.stringify({ entries }, null, 1)}\n`;
  const header = ['number', 'at', 'act', 'what', 'direction', 'whom', 'bytes', 'detail', 'hash'];
  const rows = entries.map((entry) => {
    const { words, direction, whom, bytes } = ledgerRow(entry);
    const detail = JSON.stringify(entry.detail);
    return [entry.sequence, entry.at, entry.act, words, direction, whom, bytes ?? '', detail, entry.hash];
  });
  return csvText(header, rows);
}
