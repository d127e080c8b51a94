// CSV after RFC 4180, for spreadsheets.

/** A head and its rows, each as long as the head. */
export function csvText(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, ...rows].map((row) => `${row.map(quoted).join(',')}\r\n`).join('');
}

/** A cell that begins like a formula is data, and stays so in a spreadsheet. */
function quoted(cell: string): string {
  const isNumber = cell !== '' && Number.isFinite(Number(cell));
  const safe = !isNumber && /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
