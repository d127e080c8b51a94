// The ledger as a file for others: JSON with everything that a check of the chain needs, or a table.
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
  return `${[header, ...rows].map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`;
}

/** RFC 4180. A cell that a spreadsheet would take for a formula is marked as text: names come from other sites. */
function cell(value: string | number): string {
  const text = String(value);
  const plain = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
